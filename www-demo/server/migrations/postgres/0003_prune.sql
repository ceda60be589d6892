-- Finds the sessions that are long over without reading the others.
CREATE INDEX sessions_over ON sessions (expires_at);
