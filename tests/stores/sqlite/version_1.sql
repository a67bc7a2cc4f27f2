-- What the SQLite store of schema version 1 made.
PRAGMA application_id = 1835822699;
CREATE TABLE links (
    audience TEXT NOT NULL,
    link_id BLOB NOT NULL,
    purpose TEXT NOT NULL,
    subject TEXT NOT NULL,
    resource TEXT,
    destination TEXT,
    recipient BLOB,
    stamp BLOB,
    browser BLOB,
    series BLOB NOT NULL,
    number INTEGER NOT NULL,
    origin TEXT NOT NULL,
    parent BLOB,
    supersede TEXT NOT NULL,
    generation INTEGER NOT NULL,
    series_started_at INTEGER NOT NULL,
    reminded_at INTEGER,
    renewed_at INTEGER,
    reminders INTEGER NOT NULL,
    renewals INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    max_uses INTEGER,
    session_lifetime INTEGER NOT NULL,
    code BLOB,
    passphrase TEXT,
    code_expires_at INTEGER,
    attempts INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    first_used_at INTEGER,
    last_used_at INTEGER,
    attempt BLOB,
    delivered_at INTEGER,
    superseded_at INTEGER,
    revoked_at INTEGER,
    revoke_reason TEXT NOT NULL,
    PRIMARY KEY (audience, link_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE subjects (
    audience TEXT NOT NULL,
    subject TEXT NOT NULL,
    generation INTEGER NOT NULL,
    number INTEGER NOT NULL,
    last_link BLOB NOT NULL,
    revoked_at INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (audience, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE names (
    bucket BLOB NOT NULL,
    name BLOB NOT NULL,
    link_id BLOB NOT NULL,
    PRIMARY KEY (bucket, name, link_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE notes (
    audience TEXT NOT NULL,
    link_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    hour INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (audience, link_id, kind, hour)
) STRICT, WITHOUT ROWID;
CREATE TABLE buckets (
    ends_at INTEGER NOT NULL,
    bucket BLOB NOT NULL,
    "window" INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (ends_at, bucket, "window")
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('version', 1);
