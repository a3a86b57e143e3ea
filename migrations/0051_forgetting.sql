-- What is forgotten is found by when it last could have let somebody in.
create index sessions_by_expiry on sessions (expires_at);
create index login_attempts_by_expiry on login_attempts (expires_at);
create index seats_by_session on seats (session_id);
