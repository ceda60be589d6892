//! E-mail addresses in one canonical form: two spellings of one address are one account.
//!
//! The local part is a `UsernameCaseMapped` string (PRECIS, RFC 8265 §3.3), the domain is processed by UTS 46
//! and kept in its A-labels. Final sigma is folded to sigma, as full case folding does. An atom or label that
//! mixes scripts is refused by UTS 39 (moderately restrictive), and so are invisible characters.

use std::fmt;

use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};
use precis_profiles::{UsernameCaseMapped, precis_core::profile::Profile};
use unicode_normalization::UnicodeNormalization;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection};

use crate::UserId;

/// The longest e-mail address, in octets of the canonical form (RFC 5321 §4.5.3.1.3).
pub const MAX_EMAIL_BYTES: usize = 254;
/// The longest input that is parsed, in octets: the longest address, decomposed and in full width.
const MAX_SPELLING_BYTES: usize = 4 * MAX_EMAIL_BYTES;
/// What separates atoms and labels, and belongs to no script.
const SEPARATORS: [char; 4] = ['.', '-', '_', '+'];
/// What RFC 5322 §3.2.3 allows in quoted strings and comments alone: other spellings of a plain local part.
const SPECIALS: [char; 12] = ['(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"'];

/// An e-mail address in its canonical form.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Parses an address in any of its forms; `None` if it is none, or its canonical form is longer than 254 octets.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_SPELLING_BYTES || text.chars().any(is_invisible) {
            return None;
        }
        // Composed first: conjoining jamo are no identifiers by themselves.
        let text: String = text.nfc().map(half_width_at).collect();
        let (local, domain) = text.rsplit_once('@')?;
        let (local, domain) = (local_part(local)?, domain_part(domain)?);
        let canonical = format!("{local}@{domain}");
        (canonical.len() <= MAX_EMAIL_BYTES).then_some(Self(canonical))
    }

    /// Creates an address from its stored canonical form, without a check.
    #[must_use]
    pub const fn from_canonical(text: String) -> Self {
        Self(text)
    }

    /// Creates the text that an account without an address has in its place: its id, which is no address.
    #[must_use]
    pub fn missing(user: UserId) -> Self {
        Self(user.to_string())
    }

    /// Returns the address; `None` if the account has none.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.0.contains('@').then_some(self.0.as_str())
    }

    /// Returns the canonical form. Only for responses to its owner, never for a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Email(…)")
    }
}

fn local_part(text: &str) -> Option<String> {
    let local = folded(text)?;
    let plain = !local.contains(SPECIALS) && local.split(SEPARATORS).all(is_one_script);
    plain.then_some(local)
}

fn domain_part(text: &str) -> Option<String> {
    let (unicode, valid) = idna::domain_to_unicode(text);
    valid.ok()?;
    let labels: Option<Vec<String>> = unicode.split('.').map(folded).collect();
    let labels = labels?;
    if !labels.iter().all(|label| is_one_script(label)) {
        return None;
    }
    idna::domain_to_ascii_strict(&labels.join(".")).ok()
}

/// An input method for full-width characters types U+FF20.
const fn half_width_at(character: char) -> char {
    if character == '＠' { '@' } else { character }
}

/// Enforces the profile and folds final sigma, which the profile leaves to the position in a word.
fn folded(text: &str) -> Option<String> {
    let enforced = UsernameCaseMapped::new().enforce(text).ok()?;
    Some(enforced.replace('ς', "σ"))
}

/// Returns whether the letters are of one script, or of Latin and one that has no look-alikes of it (UTS 39 §5.2).
fn is_one_script(atom: &str) -> bool {
    atom.is_ascii() || atom.check_restriction_level(RestrictionLevel::ModeratelyRestrictive)
}

/// Returns whether a character is not displayed (UAX 44, `Default_Ignorable_Code_Point`): joiners, directional
/// marks, tags, fillers and variation selectors are.
fn is_invisible(character: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> Option<String> {
        Email::parse(text).map(|email| email.expose().to_owned())
    }

    #[test]
    fn two_spellings_of_one_address_are_one_account() {
        for (one, other) in [
            (" Ada@Example.ORG ", "ada@example.org"),
            ("ΝΊΚΟΣ@e.org", "νίκος@e.org"),
            ("νίκοσ@e.org", "νίκος@e.org"),
            ("ΝΊΚΟΣ.ΣΑΣ@e.org", "νίκος.σας@e.org"),
            ("a@ΝΊΚΟΣ.gr", "a@νίκος.gr"),
            ("a@xn--kxawhkp.gr", "a@ΝΊΚΟΣ.gr"),
            ("ａｄａ＠ｅｘａｍｐｌｅ．ｏｒｇ", "ada@example.org"),
            ("ada@example。org", "ada@example.org"),
            ("ame\u{301}lie@e.org", "am\u{e9}lie@e.org"),
            ("AME\u{301}LIE@e.org", "am\u{e9}lie@e.org"),
            ("a@bu\u{308}cher.example", "a@xn--bcher-kva.example"),
            ("a@BÜCHER.example", "a@XN--BCHER-KVA.example"),
            ("STRAẞE@e.org", "straße@e.org"),
            ("\u{1100}\u{1161}@e.org", "\u{ac00}@e.org"),
            ("ﾊﾝｶｸ@e.org", "ハンカク@e.org"),
        ] {
            assert!(canonical(one).is_some(), "{one}");
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "ada",
            "@b",
            "a@",
            "a b@c",
            "a@b\n.c",
            "a@b@c",
            "a＠b@c",
            "a@b\u{0}",
            "a\u{0}@b.c",
            "a@b..c",
            "a@.b",
            "a@b.",
            "a@-b.c",
            "a@b_c.d",
            "a@[127.0.0.1]",
            "\"a\"@b.c",
            "(x)a@b.c",
            "a@xn--a.c",
            "a@xn--bcher-kva\u{ad}.c",
            "a@☃.net",
            "a\u{fffd}@b.c",
            "a\u{e000}@b.c",
            "a@\u{301}b.c",
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
        assert_eq!(canonical(&format!("a@{}", "b".repeat(253))), None);
    }

    #[test]
    fn p48_the_length_of_an_address_is_judged_in_the_form_that_is_kept() {
        // It grows from two octets to three in lower case.
        assert_eq!(canonical(&("İ".repeat(100) + "@e.org")), None);
        assert!(canonical(&("İ".repeat(60) + "@e.org")).is_some());
        // It grows in A-labels.
        let labels = ["ü".repeat(50), "ö".repeat(50), "ä".repeat(50)].join(".");
        assert_eq!(canonical(&format!("{}@{labels}.de", "x".repeat(90))), None);
        // It shrinks from three octets to one in half width.
        let wide = "ａ".repeat(200);
        assert_eq!(
            canonical(&format!("{wide}@e.org")),
            canonical(&format!("{}@e.org", "a".repeat(200)))
        );
        assert!(canonical(&format!("{wide}@e.org")).is_some());
        for grows in ["ﬃ", "ΐ", "ﷺ", "\u{1d160}", "ŉ"] {
            let parsed = canonical(&(grows.repeat(60) + "@e.org"));
            assert!(
                parsed.is_none_or(|text| text.len() <= MAX_EMAIL_BYTES),
                "{grows}"
            );
        }
    }

    #[test]
    fn characters_that_are_not_displayed_are_refused() {
        for hidden in [
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{61c}',
            '\u{ad}',
            '\u{34f}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{e0061}',
            '\u{e0100}',
            '\u{115f}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{2800}',
            '\u{180e}',
            '\u{2060}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{a0}',
            '\u{3000}',
        ] {
            for text in [
                format!("ad{hidden}a@example.org"),
                format!("ada@exam{hidden}ple.org"),
                format!("\u{915}\u{94d}{hidden}\u{937}@e.org"),
                format!("a@\u{915}\u{94d}{hidden}\u{937}.org"),
            ] {
                assert_eq!(canonical(&text), None, "{text:?}");
            }
        }
    }

    #[test]
    fn letters_of_two_scripts_that_look_alike_are_refused() {
        for text in [
            "p\u{430}ypal@e.org",
            "a@p\u{430}ypal.com",
            "\u{3bf}mega@e.org",
            "a@xn--pypal-4ve.com",
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
        for text in [
            "иван@пример.рф",
            "ivan.иван@e.org",
            "山田taro@例え.jp",
            "דוד@e.org",
            "김철수@e.kr",
            "o'brien+tag@e.org",
        ] {
            assert!(canonical(text).is_some(), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn p48_the_canonical_form_reads_back_as_itself(
            text in "[a-zA-Z0-9.@ςΣσİıßẞüÄéΐǰⱥȺａＺ＠．。ﬃŉKÅ\u{300}-\u{345}\u{1100}-\u{1112}\u{1161}-\u{1170}אبкК]{1,30}@(\\PC{1,12}|[a-zςΣüßİ-]{1,12}|xn--[a-z0-9]{1,8})(\\.[a-z]{2,3})?"
        ) {
            if let Some(first) = canonical(&text) {
                prop_assert!(first.len() <= MAX_EMAIL_BYTES);
                prop_assert_eq!(canonical(&first), Some(first.clone()));
            }
        }

        #[test]
        fn p48_any_text_is_an_address_that_reads_back_or_none(text in "\\PC{0,20}@\\PC{0,20}") {
            if let Some(first) = canonical(&text) {
                prop_assert_eq!(canonical(&first), Some(first.clone()));
            }
        }
    }
}
