use super::*;

fn token() -> RefreshToken {
    RefreshToken::first(SessionId::from_bytes([3; 16]), [5; 32])
}

#[test]
fn an_encoded_token_is_decoded_with_its_key_alone() {
    let key = RefreshTokenKey::from_bytes([1; 32]);

    let encoded = key.encode(&token());

    assert_eq!(encoded.len(), ENCODED_CHARS);
    assert_eq!(key.decode(&encoded), Some(token()));
    assert_eq!(RefreshTokenKey::from_bytes([2; 32]).decode(&encoded), None);
}

#[test]
fn a_changed_character_anywhere_is_refused() {
    let key = RefreshTokenKey::from_bytes([1; 32]);
    let encoded = key.encode(&token());

    for place in 0..encoded.len() {
        let mut changed = encoded.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(key.decode(&changed), None, "character {place}");
    }
    assert_eq!(key.decode(""), None);
    assert_eq!(key.decode(&"é".repeat(ENCODED_CHARS / 2)), None);
}

#[test]
fn the_successor_is_always_the_same_and_never_the_same_as_another() {
    let key = RefreshTokenKey::from_bytes([1; 32]);

    let next = key.successor(&token());

    assert_eq!(next, key.successor(&token()));
    assert_eq!(next.generation, 1);
    assert_ne!(next.secret, token().secret);
    assert_ne!(
        next,
        RefreshTokenKey::from_bytes([2; 32]).successor(&token())
    );
}

#[test]
fn line18_another_active_key_decodes_old_tokens_and_repeats_the_same_successors() {
    let key = RefreshTokenKey::from_bytes([1; 32]);
    let encoded = key.encode(&token());
    let before = key.successor(&token());

    key.replace(vec![[1; 32], [2; 32]], 1);

    assert_eq!(key.decode(&encoded), Some(token()));
    let after = key.successor(&before);
    assert_ne!(key.encode(&token()), encoded);
    assert_eq!(
        key.descendant(&token(), 1, before.secret.hash()),
        Some(before)
    );
    let found = key.descendant(&token(), 2, after.secret.hash());
    assert_eq!(found, Some(after.clone()));
    assert_eq!(key.descendant(&token(), 3, after.secret.hash()), None);
    key.replace(vec![[2; 32]], 0);
    assert_eq!(key.decode(&encoded), None);
    assert_eq!(key.descendant(&token(), 2, after.secret.hash()), None);
}

#[test]
fn nothing_secret_is_printed() {
    let printed = format!("{:?} {:?}", token(), RefreshTokenKey::from_bytes([1; 32]));

    assert!(printed.contains("RefreshSecret(…)") && printed.contains("RefreshTokenKey(…)"));
}
