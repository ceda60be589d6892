//! What computes signatures of ES256 and RS256: `ring` on servers, Rust alone in the browser. Both are given points that
//! are on the curve, and moduli that are odd and of an allowed size.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(any(target_arch = "wasm32", test))]
mod portable;

#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::{verify_es256, verify_rs256};
#[cfg(target_arch = "wasm32")]
pub(super) use portable::{verify_es256, verify_rs256};

/// Says whether an uncompressed point is one of P-256.
pub(super) fn is_on_p256(point: &[u8; 65]) -> bool {
    point[0] == 4 && p256::PublicKey::from_sec1_bytes(point).is_ok()
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

    use base64ct::{Base64UrlUnpadded, Encoding};

    use super::{native, portable};

    const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    // RFC 7515 appendix A.3.
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    const ES256: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    // RFC 7515 appendix A.2.
    const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const RS256: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

    fn decode(text: &str) -> Vec<u8> {
        Base64UrlUnpadded::decode_vec(text).unwrap()
    }

    /// Verifies a signature of a message with a key.
    type Verify<'a> = &'a dyn Fn(&[u8], &[u8]) -> bool;

    /// Expects both to accept a signature, and to refuse each that differs in a bit, by a byte or by its message.
    fn assert_agree(verify: [Verify<'_>; 2], message: &str, signature: &[u8]) {
        let both = |message: &str, signature: &[u8]| {
            let [one, other] = verify.map(|verify| verify(message.as_bytes(), signature));
            assert_eq!(one, other);
            one
        };
        assert!(both(message, signature));
        assert!(!both(&format!("{message}a"), signature));
        for place in 0..signature.len() {
            let mut flipped = signature.to_vec();
            flipped[place] ^= 0x80;
            assert!(!both(message, &flipped), "{place}");
            assert!(!both(message, &signature[..place]), "{place}");
        }
        assert!(!both(message, &[signature, &[0]].concat()));
        assert!(!both(message, &vec![0; signature.len()]));
        assert!(!both(message, &vec![0xff; signature.len()]));
    }

    #[test]
    fn part1_servers_and_browsers_judge_signatures_of_es256_alike() {
        let point: [u8; 65] = [&[4][..], &decode(X), &decode(Y)]
            .concat()
            .try_into()
            .unwrap();
        let message = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}");

        assert!(super::is_on_p256(&point));
        assert_agree(
            [
                &|message, signature| native::verify_es256(&point, message, signature),
                &|message, signature| portable::verify_es256(&point, message, signature),
            ],
            &message,
            &decode(ES256),
        );
    }

    #[test]
    fn part1_servers_and_browsers_judge_signatures_of_rs256_alike() {
        let modulus = decode(N);
        let message = format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}");

        assert_agree(
            [
                &|message, signature| native::verify_rs256(&modulus, message, signature),
                &|message, signature| portable::verify_rs256(&modulus, message, signature),
            ],
            &message,
            &decode(RS256),
        );
    }
}
