-- What the PostgreSQL store of schema version 1 made.
CREATE SCHEMA IF NOT EXISTS old;

CREATE TABLE old.links (
    "audience" text COLLATE "C" NOT NULL,
    "link_id" bytea NOT NULL,
    "purpose" text COLLATE "C" NOT NULL,
    "subject" text COLLATE "C" NOT NULL,
    "resource" text COLLATE "C",
    "destination" text COLLATE "C",
    "recipient" bytea,
    "stamp" bytea,
    "browser" bytea,
    "series" bytea NOT NULL,
    "number" bigint NOT NULL,
    "origin" text COLLATE "C" NOT NULL,
    "parent" bytea,
    "supersede" text COLLATE "C" NOT NULL,
    "generation" bigint NOT NULL,
    "series_started_at" bigint NOT NULL,
    "reminded_at" bigint,
    "renewed_at" bigint,
    "reminders" bigint NOT NULL,
    "renewals" bigint NOT NULL,
    "issued_at" bigint NOT NULL,
    "expires_at" bigint NOT NULL,
    "max_uses" bigint,
    "session_lifetime" bigint NOT NULL,
    "code" bytea,
    "passphrase" text COLLATE "C",
    "code_expires_at" bigint,
    "attempts" bigint NOT NULL,
    "uses" bigint NOT NULL,
    "first_used_at" bigint,
    "last_used_at" bigint,
    "attempt" bytea,
    "delivered_at" bigint,
    "superseded_at" bigint,
    "revoked_at" bigint,
    "revoke_reason" text COLLATE "C" NOT NULL,
    PRIMARY KEY ("audience", "link_id")
) WITH (fillfactor = 70);

CREATE TABLE old.subjects (
    "audience" text COLLATE "C" NOT NULL,
    "subject" text COLLATE "C" NOT NULL,
    "generation" bigint NOT NULL,
    "number" bigint NOT NULL,
    "revoked_at" bigint,
    "reason" text COLLATE "C" NOT NULL,
    PRIMARY KEY ("audience", "subject")
) WITH (fillfactor = 70);

CREATE TABLE old.notes (
    "audience" text COLLATE "C" NOT NULL,
    "link_id" bytea NOT NULL,
    "kind" text COLLATE "C" NOT NULL,
    "hour" bigint NOT NULL,
    "at" bigint NOT NULL,
    "reason" text COLLATE "C" NOT NULL,
    PRIMARY KEY ("audience", "link_id", "kind", "hour")
);

CREATE TABLE old.buckets (
    "ends_at" bigint NOT NULL,
    "bucket" bytea NOT NULL,
    "window" bigint NOT NULL,
    "taken" bigint NOT NULL,
    PRIMARY KEY ("ends_at", "bucket", "window")
) WITH (fillfactor = 50);

CREATE TABLE old.meta (
    "name" text COLLATE "C" NOT NULL,
    "value" bigint NOT NULL,
    PRIMARY KEY ("name")
);

CREATE INDEX links_series ON old.links (series, number);

CREATE INDEX links_subject ON old.links (audience, subject);

CREATE INDEX links_resource ON old.links (audience, resource) WHERE resource IS NOT NULL;

CREATE INDEX links_recipient ON old.links (recipient) WHERE recipient IS NOT NULL;

INSERT INTO old.meta VALUES ('version', 1);
