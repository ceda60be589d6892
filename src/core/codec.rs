//! Encodes and decodes fields as text, without `core::fmt`, whose code would be larger than the rest of the codec.

use super::ids::Version;
use super::millis::Millis;
use super::time::WallTime;

/// Appends an unsigned integer in decimal.
pub(crate) fn push_number(text: &mut String, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    // `push_str` because `String::push` encodes any character, in 240 bytes of code.
    let digits = "0123456789";
    let digit = usize::try_from(number % 10).unwrap_or(0);
    text.push_str(digits.get(digit..=digit).unwrap_or_default());
}

/// Parses an unsigned integer of at most 15 digits: exact in JavaScript, and sums do not overflow.
pub(crate) fn number(field: &str) -> Option<u64> {
    if !(1..=15).contains(&field.len()) {
        return None;
    }
    field.bytes().try_fold(0, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(number * 10 + u64::from(digit))
    })
}

/// Writes separated fields.
pub(super) struct FieldWriter {
    text: String,
    separator: &'static str,
}

impl FieldWriter {
    pub(super) fn new(magic: &str, separator: &'static str) -> Self {
        Self {
            text: String::from(magic),
            separator,
        }
    }

    pub(super) fn field(&mut self, value: &str) {
        self.text.push_str(self.separator);
        self.text.push_str(value);
    }

    pub(super) fn number(&mut self, number: u64) {
        self.text.push_str(self.separator);
        push_number(&mut self.text, number);
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.number(u64::from(flag));
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Reads separated fields. A missing or malformed field is read as its default and makes the text unsound, which
/// `is_complete` reports at the end.
pub(crate) struct FieldReader<'a> {
    remaining: Option<&'a str>,
    separator: u8,
    is_sound: bool,
}

impl<'a> FieldReader<'a> {
    pub(crate) const fn new(text: &'a str, separator: u8) -> Self {
        Self {
            remaining: Some(text),
            separator,
            is_sound: true,
        }
    }

    pub(crate) fn field(&mut self) -> &'a str {
        let remaining = self.remaining();
        let Some(end) = remaining.bytes().position(|byte| byte == self.separator) else {
            return remaining;
        };
        self.remaining = remaining.get(end + 1..);
        remaining.get(..end).unwrap_or_default()
    }

    /// Returns the unread text, including separators.
    pub(crate) fn remaining(&mut self) -> &'a str {
        let remaining = self.remaining.take();
        self.sound(remaining)
    }

    pub(super) fn number(&mut self) -> u64 {
        let read = number(self.field());
        self.sound(read)
    }

    pub(super) fn small_number(&mut self) -> u32 {
        let read = u32::try_from(self.number()).ok();
        self.sound(read)
    }

    pub(super) fn span(&mut self) -> Millis {
        Millis::from_millis(self.number())
    }

    pub(super) fn wall_time(&mut self) -> WallTime {
        WallTime::from_millis(self.number())
    }

    pub(super) fn version(&mut self) -> Version {
        let read = Version::heard(self.number());
        self.sound(read)
    }

    pub(super) fn flag(&mut self) -> bool {
        let number = self.number();
        self.is_sound &= number <= 1;
        number == 1
    }

    /// Whether all fields were present and valid and no text is left.
    pub(super) const fn is_complete(&self) -> bool {
        self.is_sound && self.remaining.is_none()
    }

    fn sound<T: Default>(&mut self, read: Option<T>) -> T {
        self.is_sound &= read.is_some();
        read.unwrap_or_default()
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
            assert_eq!(number(&text), Some(written));
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
            ":",
            "/",
            "1000000000000000",
            "١",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn fields_read_back_as_they_were_written() {
        let mut writer = FieldWriter::new("magic", ";");
        writer.field("");
        writer.field("ä b");
        writer.number(4_294_967_295);
        writer.flag(true);
        writer.flag(false);
        writer.field("the;rest");
        let text = writer.finish();

        let mut fields = FieldReader::new(&text, b';');
        assert_eq!(fields.field(), "magic");
        assert_eq!(fields.field(), "");
        assert_eq!(fields.field(), "ä b");
        assert_eq!(fields.small_number(), u32::MAX);
        assert!(fields.flag() && !fields.flag());
        assert!(!fields.is_complete(), "there is more");
        assert_eq!(fields.remaining(), "the;rest");
        assert!(fields.is_complete());
    }

    #[test]
    fn what_is_missing_or_malformed_makes_a_text_unsound() {
        type Read = dyn Fn(&mut FieldReader<'_>);
        let reads: [(&str, &Read); 6] = [
            ("4294967296", &|fields| assert_eq!(fields.small_number(), 0)),
            ("2", &|fields| assert!(!fields.flag())),
            ("x", &|fields| assert_eq!(fields.span(), Millis::ZERO)),
            ("100000000000001", &|fields| {
                assert_eq!(fields.version(), Version::default());
            }),
            ("1", &|fields| {
                fields.field();
                assert_eq!(fields.field(), "");
            }),
            ("1", &|fields| {
                fields.field();
                assert_eq!(fields.remaining(), "");
            }),
        ];
        for (text, read) in reads {
            let mut fields = FieldReader::new(text, b';');
            read(&mut fields);
            assert!(
                fields.remaining.is_none() && !fields.is_complete(),
                "{text}"
            );
        }
    }
}
