//! Detects common passwords in bounded time.
//!
//! zxcvbn takes time in the cube of a password's length, times the number of readings of its look-alike signs: a second
//! for a hundred signs. Both are bounded here. The bounds hide no common password, which is one pattern from end to end
//! (two are at least 10,000 guesses): beyond the longest word of the lists, patterns are repeats, sequences and keyboard
//! walks, which show at both ends; and a word has one sign per letter. A long password that repeats itself is judged by
//! the repeated part.

use crate::domain::Password;

/// The number of guesses, common passwords first, that a password must withstand. It covers the 3,000 most common ones,
/// also in capitals or with a digit for a letter.
const COMMON_GUESSES: u64 = 10_000;
/// How many characters are judged in one go. The longest word of the lists has 23.
const MAX_JUDGED_CHARS: usize = 32;
/// How many readings of look-alike signs are tried. All ten digits have 32.
const MAX_READINGS: usize = 48;
/// The look-alikes of each letter, as zxcvbn has them.
const LOOK_ALIKES: [&str; 12] = [
    "4@", "8", "({[<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2",
];
/// How far signs are moved, in code points, so that they look like no letter and keep their order.
const OUT_OF_SIGHT: u32 = 0x2500;

/// Returns whether a password is among the common ones, or close to one (NIST SP 800-63B §5.1.1.2).
///
/// Takes up to 3 ms: never call it on a runtime's thread.
#[must_use]
pub(crate) fn is_common(password: &Password) -> bool {
    let characters: Vec<char> = password.expose().chars().collect();
    if characters.len() <= MAX_JUDGED_CHARS {
        return is_one_pattern(&characters);
    }
    let period = period(&characters);
    if period <= MAX_JUDGED_CHARS {
        return is_one_pattern(&characters[..period]);
    }
    let (head, tail) = (
        &characters[..MAX_JUDGED_CHARS],
        &characters[characters.len() - MAX_JUDGED_CHARS..],
    );
    is_one_pattern(head) && is_one_pattern(tail)
}

/// Returns the smallest number of characters after which the text repeats itself to its end, whole or cut off
/// (the prefix function of Knuth, Morris and Pratt).
fn period(characters: &[char]) -> usize {
    let mut borders = vec![0; characters.len()];
    for place in 1..characters.len() {
        let mut border: usize = borders[place - 1];
        while border > 0 && characters[border] != characters[place] {
            border = borders[border - 1];
        }
        borders[place] = border + usize::from(characters[border] == characters[place]);
    }
    characters.len() - borders.last().copied().unwrap_or_default()
}

fn is_one_pattern(characters: &[char]) -> bool {
    let as_it_is = readings(characters) <= MAX_READINGS;
    let judged: String = characters
        .iter()
        .map(|character| match character {
            sign if !as_it_is && sign.is_ascii_punctuation() => {
                char::from_u32(u32::from(*sign) + OUT_OF_SIGHT).unwrap_or(*sign)
            }
            other => *other,
        })
        .collect();
    zxcvbn::zxcvbn(&judged, &[]).guesses() < COMMON_GUESSES
}

/// Returns an upper bound on zxcvbn's readings: for each letter one of its look-alikes, and for a sign that looks like
/// two letters, each of them.
fn readings(characters: &[char]) -> usize {
    let of_letter = |signs: &&str| {
        let present = signs.chars().filter(|sign| characters.contains(sign));
        let each = present.map(|sign| LOOK_ALIKES.iter().filter(|s| s.contains(sign)).count());
        each.sum::<usize>().max(1)
    };
    LOOK_ALIKES.iter().map(of_letter).product()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn common(text: &str) -> bool {
        is_common(&Password::parse(text).expect("a length that is allowed"))
    }

    #[test]
    fn a_common_password_is_not_hidden_by_repeating_it() {
        for unit in [
            "a",
            "password",
            "12345678",
            "ab",
            "qwerty",
            "123",
            "p@ssw0rd",
            "0987654321",
            "{",
            "<|",
            "iloveyou1",
        ] {
            for length in [33, 64, 100, 256] {
                let whole: String = unit.chars().cycle().take(length).collect();
                assert!(common(&whole), "{unit} {length}");
            }
        }
    }

    #[test]
    fn a_long_password_with_a_common_beginning_or_end_is_not_common() {
        let odd = "zwölf Boxkämpfer jagen Viktor quer";
        for common_part in ["a".repeat(60), "password".repeat(8)] {
            assert!(!common(&format!("{common_part}{odd}")));
            assert!(!common(&format!("{odd}{common_part}")));
        }
    }

    #[test]
    fn the_readings_of_a_password_are_bounded() {
        for signs in [
            "4@8({[<369&#!1/|0$5+7%2",
            "17|4@({[<6950$+8%2!3",
            "({[<1|!74@$5+",
        ] {
            let all: Vec<char> = signs.chars().collect();
            assert!(readings(&all) > MAX_READINGS, "{signs}");
            let digits: Vec<char> = "0123456789".chars().collect();
            assert!(readings(&digits) <= MAX_READINGS);
        }
        assert!(!common(&"4@8({[<369&#!1/|0$5+7%2".repeat(4)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn up_to_its_bounds_the_verdict_is_the_one_of_zxcvbn(
            text in "(password|12345|qwerty|iloveyou|dragon|P@\\$\\$w0rd|1l0v3y0u|tr0ub4dor|[a-z]{1,3}|[0-9]{1,4}|[!@#$%^&*()]{1,3}|[ -~]{1,6}){1,5}"
        ) {
            let length = text.chars().count();
            prop_assume!((8..=MAX_JUDGED_CHARS).contains(&length));
            let raw = zxcvbn::zxcvbn(&text, &[]).guesses() < COMMON_GUESSES;
            prop_assert_eq!(common(&text), raw);
        }
    }
}
