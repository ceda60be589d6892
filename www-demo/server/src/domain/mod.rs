//! The rules of sessions: rotation, grace, theft, limits. Knows neither axum nor sqlx.
