//! Numbers and flags as text, without the formatting machinery of the standard library, which would weigh more than
//! all the rest of what tabs write.

/// Writes a whole number.
pub(crate) fn push_number(text: &mut String, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    let digit = u8::try_from(number % 10).unwrap_or(0);
    text.push(char::from(b'0' + digit));
}

/// Writes `0` or `1`.
pub(super) const fn digit(flag: bool) -> &'static str {
    if flag { "1" } else { "0" }
}

/// Reads a whole number of at most 15 digits: exact in JavaScript, far from overflow in sums.
pub(crate) fn number(field: Option<&str>) -> Option<u64> {
    let field = field?;
    if !(1..=15).contains(&field.len()) {
        return None;
    }
    field.bytes().try_fold(0, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(number * 10 + u64::from(digit))
    })
}

/// Reads `0` or `1`.
pub(super) fn flag(field: Option<&str>) -> Option<bool> {
    match field? {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_as_themselves() {
        for written in [0, 9, 10, 1_234, 999_999_999_999_999] {
            let mut text = String::new();
            push_number(&mut text, written);
            assert_eq!(text, format!("{written}"));
            assert_eq!(number(Some(&text)), Some(written));
        }
    }

    #[test]
    fn what_is_no_plain_number_is_refused() {
        for text in [
            "",
            "-1",
            "+1",
            "1e3",
            " 1",
            "1 ",
            "0x1",
            "1000000000000000",
            "١",
        ] {
            assert_eq!(number(Some(text)), None, "{text}");
        }
        assert_eq!(number(None), None);
        assert_eq!(
            (flag(Some("0")), flag(Some("1")), flag(Some("2"))),
            (Some(false), Some(true), None)
        );
    }
}
