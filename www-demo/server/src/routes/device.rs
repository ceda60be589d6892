//! The device cookie: marks a browser that has signed in before, for rate limits only.
//!
//! OWASP's "Slow Down Online Guessing Attacks with Device Cookies": a signed cookie names the accounts that signed in on
//! this browser, and their attempts are counted apart, so that others cannot lock the owner out. A copy of it gives one
//! more set of turns and nothing else.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{CookieRules, cookie};
use crate::{
    clock,
    domain::{self, Email, Timestamp},
};

/// The cookie's name.
pub(super) const DEVICE_COOKIE: &str = "__Host-Http-nolapse-device";

/// The cookie's lifetime after the last sign-in.
const LIFETIME: Duration = Duration::from_hours(24 * 180);
/// Upper bound on the accounts of one cookie, the latest first.
const MAX_ACCOUNTS: usize = 5;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 16;
const ACCOUNT_BYTES: usize = 16;
const MAC_BYTES: usize = 16;
const HEAD_BYTES: usize = 1 + NONCE_BYTES + 8;

type Account = [u8; ACCOUNT_BYTES];

/// The key that signs device cookies, kept outside of the database.
#[derive(Clone)]
pub(crate) struct DeviceKey([u8; 32]);

/// A browser that has signed in before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    nonce: [u8; NONCE_BYTES],
    accounts: Vec<Account>,
}

impl Device {
    /// Returns the nonce of this browser's last sign-in.
    pub(super) fn nonce(&self) -> &[u8] {
        &self.nonce
    }
}

impl DeviceKey {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the cookie of a request; `None` if it is missing, doubled, forged or expired, or does not name this account.
    pub(super) fn read(
        &self,
        now: Timestamp,
        headers: &HeaderMap,
        email: &Email,
    ) -> Option<Device> {
        let device = self.open(now, headers)?;
        let known = device.accounts.contains(&self.account(email));
        known.then_some(device)
    }

    /// Creates the cookie after a sign-in to this account: a new nonce, and the accounts of the previous cookie.
    pub(super) fn issue(
        &self,
        now: Timestamp,
        headers: &HeaderMap,
        email: &Email,
        cookies: &CookieRules,
    ) -> HeaderValue {
        let account = self.account(email);
        let before = self.open(now, headers).map(|device| device.accounts);
        let others = before.unwrap_or_default().into_iter();
        let accounts = std::iter::once(account).chain(others.filter(|other| *other != account));
        let mut text = vec![VERSION];
        text.extend(clock::random::<NONCE_BYTES>());
        text.extend(now.as_secs().to_be_bytes());
        text.extend(accounts.take(MAX_ACCOUNTS).flatten());
        let tag = self.mac(b"nolapse 1 device", &text).finalize().into_bytes();
        text.extend(tag.into_iter().take(MAC_BYTES));
        let value = Base64UrlUnpadded::encode_string(&text);
        cookies.private(DEVICE_COOKIE, &value, LIFETIME)
    }

    fn open(&self, now: Timestamp, headers: &HeaderMap) -> Option<Device> {
        let value = cookie::only(headers, DEVICE_COOKIE)?;
        let longest = HEAD_BYTES + MAX_ACCOUNTS * ACCOUNT_BYTES + MAC_BYTES;
        if value.len() > longest.div_ceil(3) * 4 {
            return None;
        }
        let bytes = Base64UrlUnpadded::decode_vec(value).ok()?;
        let (signed, tag) = bytes.split_last_chunk::<MAC_BYTES>()?;
        let mac = self.mac(b"nolapse 1 device", signed);
        mac.verify_truncated_left(tag).ok()?;
        let (version, rest) = signed.split_first()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let (issued, accounts) = rest.split_first_chunk::<8>()?;
        let issued = u64::from_be_bytes(*issued);
        let expired = now.as_secs() >= issued.saturating_add(LIFETIME.as_secs());
        let (accounts, odd) = accounts.as_chunks::<ACCOUNT_BYTES>();
        (*version == VERSION && !expired && odd.is_empty()).then(|| Device {
            nonce: *nonce,
            accounts: accounts.to_vec(),
        })
    }

    /// Returns an account's keyed hash.
    fn account(&self, email: &Email) -> Account {
        let tag = self.mac(b"nolapse 1 account", email.expose().as_bytes());
        let mut account = Account::default();
        for (place, byte) in account.iter_mut().zip(tag.finalize().into_bytes()) {
            *place = byte;
        }
        account
    }

    fn mac(&self, purpose: &[u8], text: &[u8]) -> Hmac<Sha256> {
        let mut mac = domain::hmac_sha256(&self.0);
        mac.update(purpose);
        mac.update(text);
        mac
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;
    use crate::config::SameSite;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn email(number: usize) -> Email {
        Email::parse(&format!("user{number}@example.org")).unwrap()
    }

    fn value(set: &HeaderValue) -> String {
        let text = set.to_str().unwrap();
        text.split(';').next().unwrap().to_owned()
    }

    fn sent(cookies: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookies.parse().unwrap());
        headers
    }

    fn rules() -> CookieRules {
        CookieRules {
            name: String::new(),
            same_site: SameSite::Strict,
            page_cookie: false,
            hint_domain: None,
        }
    }

    fn key() -> DeviceKey {
        DeviceKey::from_bytes([7; 32])
    }

    #[test]
    fn a_device_cookie_is_valid_only_for_accounts_that_signed_in_with_it() {
        let mut headers = HeaderMap::new();
        for number in 0..7 {
            headers = sent(&value(&key().issue(
                NOW,
                &headers,
                &email(number),
                &rules(),
            )));
        }

        let known = |number| key().read(NOW, &headers, &email(number)).is_some();

        // The latest five of seven.
        let all: Vec<bool> = (0..8).map(known).collect();
        assert_eq!(all, [false, false, true, true, true, true, true, false]);
        let printed = format!("{headers:?}");
        assert!(!printed.contains("user"), "{printed}");
    }

    #[test]
    fn a_device_cookie_without_a_valid_signature_is_ignored() {
        let good = value(&key().issue(NOW, &HeaderMap::new(), &email(1), &rules()));
        let (name, text) = good.split_once('=').unwrap();
        let known = |cookies: &str, at| key().read(at, &sent(cookies), &email(1)).is_some();
        assert!(known(
            &good,
            (NOW + LIFETIME).before(Duration::from_secs(1))
        ));

        assert!(!known(&good, NOW + LIFETIME));
        assert!(!known(&format!("{good}; {good}"), NOW));
        for place in 0..text.len() {
            let mut forged = text.as_bytes().to_vec();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(!known(&format!("{name}={forged}"), NOW), "{place}");
            let cut: String = text.chars().take(place).collect();
            assert!(!known(&format!("{name}={cut}"), NOW), "{place}");
        }
        for odd in ["", "A", "é", &"A".repeat(5_000)] {
            assert!(!known(&format!("{name}={odd}"), NOW), "{odd}");
        }
        let other = DeviceKey::from_bytes([8; 32]);
        assert!(other.read(NOW, &sent(&good), &email(1)).is_none());
    }

    #[test]
    fn each_sign_in_is_a_device_of_its_own() {
        let nonce = |set: HeaderValue| {
            let device = key().read(NOW, &sent(&value(&set)), &email(1)).unwrap();
            device.nonce().to_vec()
        };
        let first = nonce(key().issue(NOW, &HeaderMap::new(), &email(1), &rules()));
        let second = nonce(key().issue(NOW, &HeaderMap::new(), &email(1), &rules()));

        assert_ne!(first, second);
    }
}
