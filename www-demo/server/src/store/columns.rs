//! The columns of users and sessions, which are read by their names.

/// The columns of a session, as [`super::rows::session`] reads them.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.device, s.created_at, s.expires_at, s.last_active_at, s.last_seen_at, \
         s.ended_at, s.end_reason, s.generation, s.secret_hash, s.replaced_at, \
         s.renewed_generation, s.renewed_at, s.siblings, s.authenticated_at, \
         s.authentication_methods, s.jkt, s.proofs, s.registered_key, s.key_proved_at"
    };
}

/// The columns of a user, as [`super::rows::user`] reads them.
macro_rules! user_columns {
    () => {
        "u.id AS u_id, u.email AS u_email, u.password AS u_password, u.role AS u_role, \
         u.disabled AS u_disabled, u.created_at AS u_created_at"
    };
}

pub(super) use {session_columns, user_columns};
