//! Users who are signed in, as many as a bench wants.

use std::sync::Arc;

use nolapse_server::{
    clock,
    domain::{
        Authentication, Email, Grant, KeyThumbprint, NewSession, PasswordHash, Role,
        SessionService, Store, User, UserId,
    },
};

/// Creates `count` users and signs each in at the session service, bound to the key if there is one.
pub(crate) async fn begin(
    store: &Arc<dyn Store>,
    service: &SessionService,
    count: usize,
    jkt: Option<KeyThumbprint>,
) -> Result<Vec<Grant>, Box<dyn std::error::Error + Send + Sync>> {
    let mut grants = Vec::with_capacity(count);
    for number in 0..count {
        let id = UserId::from_bytes(clock::random());
        let email = Email::parse(&format!("user{number}.{id}@example.org"));
        let user = User {
            id,
            email: email.ok_or("an address")?,
            password: PasswordHash::from_text("none".to_owned()),
            role: Role::Member,
            disabled: false,
            created_at: clock::now(),
        };
        store.add_user(&user).await?;
        let (id, secret) = (clock::random(), clock::random());
        let now = clock::now();
        let authentication = Authentication::by_password(now);
        let new = NewSession {
            jkt,
            ..NewSession::new("a device".to_owned(), authentication)
        };
        let grant = service.sign_in(now, user, new, id, secret).await?;
        grants.push(grant.ok_or("a password was changed")?);
    }
    Ok(grants)
}
