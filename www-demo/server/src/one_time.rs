//! One-time passwords (HOTP, RFC 4226; TOTP, RFC 6238) and recovery codes.
//!
//! HMAC-SHA-1 is `ring`'s, which is there anyway: the rest of RFC 4226 is less than what a crate for it would bring.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use sha2::{Digest, Sha256};

use crate::{
    clock,
    domain::{Email, RecoveryHash, TotpStep, UserId},
};

/// The digits of a password.
const DIGITS: usize = 6;
/// The bytes of a secret: as many as HMAC-SHA-1 has (RFC 4226 §4, R6).
const SECRET_BYTES: usize = 20;
/// The recovery codes of a user.
pub(crate) const RECOVERY_CODES: usize = 10;
/// The random bytes of a recovery code: too many to be guessed from a hash.
const RECOVERY_BYTES: usize = 10;
/// The characters of a recovery code, and of the groups that it is written in.
const RECOVERY_CHARS: usize = 16;
const RECOVERY_GROUP: usize = 4;

/// The alphabet of base 32 (RFC 4648 §6).
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What stays as it is in a URI (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The secret that an authenticator app and this server share.
pub(crate) struct TotpSecret(Vec<u8>);

impl fmt::Debug for TotpSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpSecret(…)")
    }
}

impl TotpSecret {
    pub(crate) fn generate() -> Self {
        Self(clock::random::<SECRET_BYTES>().to_vec())
    }

    pub(crate) const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns the secret as people type it, in base 32.
    pub(crate) fn to_base32(&self) -> String {
        base32(&self.0)
    }

    /// Returns the URI that authenticator apps read from a QR code ("Key URI Format").
    pub(crate) fn to_uri(&self, issuer: &str, email: &Email) -> String {
        let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let (issuer, account) = (encode(issuer), encode(email.expose()));
        let secret = self.to_base32();
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
        )
    }

    /// Returns the password of a step.
    pub(crate) fn password(&self, step: TotpStep) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.number().to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag.last().copied().unwrap_or_default() & 15);
        let bytes = tag.iter().skip(offset).take(4);
        let number = bytes.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }

    /// Returns the first of the steps whose password this is. Takes as long whichever it is.
    pub(crate) fn step_of(
        &self,
        password: &str,
        steps: impl Iterator<Item = TotpStep>,
    ) -> Option<TotpStep> {
        let matching = steps.filter(|step| is_equal(&self.password(*step), password));
        matching.collect::<Vec<_>>().first().copied()
    }
}

/// A code that a user typed.
pub(crate) enum TypedCode {
    /// A one-time password.
    Password(String),
    /// A recovery code, without its hyphens.
    Recovery(String),
}

impl TypedCode {
    /// Parses a code; blanks, hyphens and case do not count. `None` if it is neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_plain = |char: &char| !char.is_whitespace() && *char != '-';
        let code: String = text.chars().filter(is_plain).collect();
        if code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Password(code));
        }
        let code = code.to_ascii_uppercase();
        let is_recovery =
            code.len() == RECOVERY_CHARS && code.bytes().all(|byte| BASE32.contains(&byte));
        is_recovery.then_some(Self::Recovery(code))
    }
}

/// Makes recovery codes: as they are shown once, and as they are kept.
pub(crate) fn recovery_codes(user: UserId) -> (Vec<String>, Vec<RecoveryHash>) {
    let codes = (0..RECOVERY_CODES).map(|_| {
        let code = base32(&clock::random::<RECOVERY_BYTES>());
        let hash = recovery_hash(user, &code);
        let groups = code.as_bytes().chunks(RECOVERY_GROUP);
        let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
        (groups.join("-").to_lowercase(), hash)
    });
    codes.unzip()
}

/// Returns the hash that a recovery code of a user is kept by.
pub(crate) fn recovery_hash(user: UserId, code: &str) -> RecoveryHash {
    let text = [
        b"nolapse 1 recovery".as_slice(),
        user.as_bytes(),
        code.as_bytes(),
    ]
    .concat();
    RecoveryHash(Sha256::digest(text).into())
}

fn is_equal(one: &str, other: &str) -> bool {
    let differences = one
        .bytes()
        .zip(other.bytes())
        .map(|(one, other)| one ^ other);
    one.len() == other.len() && differences.fold(0, |all, one| all | one) == 0
}

fn base32(bytes: &[u8]) -> String {
    let groups = bytes.chunks(5).flat_map(|group| {
        let number = group
            .iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let number = number << (8 * (5 - group.len()));
        let digits = (group.len() * 8).div_ceil(5);
        (0..digits).map(move |place| number >> (35 - 5 * place) & 31)
    });
    let places = groups.filter_map(|digit| usize::try_from(digit).ok());
    let digits = places.filter_map(|place| BASE32.get(place));
    digits.map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_those_of_the_rfcs() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec());
        let password = |number| secret.password(TotpStep::from_number(number));

        // RFC 4226 appendix D.
        let expected = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (number, expected) in (0..).zip(expected) {
            assert_eq!(password(number), expected);
        }
        // RFC 6238 appendix B, the last six of eight digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(password(seconds / 30), expected);
        }
    }

    #[test]
    fn base_32_is_that_of_rfc_4648() {
        for (text, expected) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(text.as_bytes()), expected);
        }
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let user = UserId::from_bytes([1; 16]);
        let (shown, kept) = recovery_codes(user);
        assert_eq!((shown.len(), kept.len()), (10, 10));
        for (code, hash) in shown.iter().zip(kept) {
            let typed = TypedCode::parse(&format!(" {} ", code.to_uppercase()));
            let Some(TypedCode::Recovery(typed)) = typed else {
                panic!("{code} is no recovery code");
            };
            assert!(recovery_hash(user, &typed) == hash);
            assert!(recovery_hash(UserId::from_bytes([2; 16]), &typed) != hash);
        }
        assert!(
            matches!(TypedCode::parse("123 456"), Some(TypedCode::Password(code)) if code == "123456")
        );
        for wrong in ["", "12345", "1234567", "١٢٣٤٥٦", "aaaa-aaaa-aaaa-aaa1"] {
            assert!(TypedCode::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_uri_names_issuer_and_account() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec());
        let email = Email::parse("ada+1@example.org").unwrap();

        assert_eq!(
            secret.to_uri("example.org", &email),
            "otpauth://totp/example.org:ada%2B1%40example.org\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=example.org&algorithm=SHA1&digits=6&period=30"
        );
    }
}
