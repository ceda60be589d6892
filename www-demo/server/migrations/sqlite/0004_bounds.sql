-- Finds the records to be pruned, those of a deleted user, and the ended sessions of a user.
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_of_user ON audit (user_id);
CREATE INDEX sessions_ended ON sessions (user_id, ended_at) WHERE ended_at IS NOT NULL;

-- Users who were deleted before their records went with them.
DELETE FROM audit WHERE user_id NOT IN (SELECT id FROM users);
