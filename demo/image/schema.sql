-- The demo's database: made once, when the image is built. Money is integer won.
-- Variables: card (the official race card as JSON) and one password per role, set on stdin.
\set ON_ERROR_STOP on

CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replicator_password';
CREATE ROLE wagering LOGIN PASSWORD :'wagering_password';
CREATE ROLE ticketing LOGIN PASSWORD :'ticketing_password';
CREATE ROLE kiosk_gateway LOGIN PASSWORD :'kiosk_gateway_password';
CREATE DATABASE demo;
\connect demo

BEGIN;

CREATE SCHEMA wagering;

CREATE TABLE wagering.accounts (
    account text PRIMARY KEY,
    balance bigint NOT NULL CHECK (balance >= 0),
    test boolean NOT NULL DEFAULT false
);

CREATE TABLE wagering.bets (
    bet bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number bigint NOT NULL,
    account text NOT NULL REFERENCES wagering.accounts,
    race text NOT NULL,
    pool text NOT NULL,
    selection integer NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    test boolean NOT NULL,
    state text NOT NULL DEFAULT 'accepted' CHECK (state IN ('accepted', 'cancelled', 'won', 'lost')),
    idempotency_key text,
    placed_at timestamptz NOT NULL DEFAULT now(),
    cancelled_at timestamptz,
    settled_at timestamptz,
    UNIQUE (account, idempotency_key),
    CHECK (test = (race LIKE 'test-%'))
);
CREATE INDEX ON wagering.bets (race) WHERE state = 'accepted';

-- The engine's own running totals, to be compared with the sum of its bets.
CREATE TABLE wagering.pools (
    race text NOT NULL,
    pool text NOT NULL,
    runner integer NOT NULL,
    total bigint NOT NULL CHECK (total >= 0),
    PRIMARY KEY (race, pool, runner)
);

-- What may be used only so often a day.
CREATE TABLE wagering.counters (
    name text PRIMARY KEY,
    day date NOT NULL DEFAULT current_date,
    used bigint NOT NULL DEFAULT 0,
    limit_ bigint NOT NULL,
    CHECK (used <= limit_)
);
INSERT INTO wagering.counters (name, limit_) VALUES ('bet_numbers', 100000);

CREATE SCHEMA ticketing;

CREATE TABLE ticketing.cards (
    card text PRIMARY KEY,
    balance bigint NOT NULL CHECK (balance >= 0),
    test boolean NOT NULL DEFAULT false
);

CREATE TABLE ticketing.tickets (
    ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    card text NOT NULL REFERENCES ticketing.cards,
    race text NOT NULL,
    test boolean NOT NULL,
    state text NOT NULL DEFAULT 'issued' CHECK (state IN ('issued', 'validated', 'void')),
    issued_at timestamptz NOT NULL DEFAULT now(),
    validated_at timestamptz,
    voided_at timestamptz,
    CHECK (test = (race LIKE 'test-%'))
);

CREATE TABLE ticketing.capacity (
    race text PRIMARY KEY,
    sold integer NOT NULL DEFAULT 0,
    capacity integer NOT NULL,
    CHECK (sold BETWEEN 0 AND capacity)
);

CREATE SCHEMA kiosk;

CREATE TABLE kiosk.sales (
    sale bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    machine text NOT NULL,
    race text NOT NULL,
    selection integer NOT NULL,
    amount bigint NOT NULL,
    test boolean NOT NULL,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'sold', 'cancelling', 'cancelled', 'failed')),
    bet bigint,
    sold_at timestamptz NOT NULL DEFAULT now(),
    cancelled_at timestamptz
);

-- Two copies of the race card, one per system, which is how they come to disagree.
CREATE FUNCTION pg_temp.load_card(target text, card jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I.race_card (date date NOT NULL)', target);
    EXECUTE format('CREATE TABLE %I.races (
        race text PRIMARY KEY, post_time text NOT NULL, closed boolean NOT NULL DEFAULT false)', target);
    EXECUTE format('CREATE TABLE %I.runners (
        race text NOT NULL REFERENCES %1$I.races, runner integer NOT NULL, name text NOT NULL,
        withdrawn boolean NOT NULL, PRIMARY KEY (race, runner))', target);
    EXECUTE format('INSERT INTO %I.race_card VALUES (($1->>''date'')::date)', target) USING card;
    EXECUTE format('INSERT INTO %I.races (race, post_time)
        SELECT race->>''number'', race->>''post_time''
        FROM jsonb_array_elements($1->''races'') AS race', target) USING card;
    EXECUTE format('INSERT INTO %I.runners
        SELECT race->>''number'', (runner->>''number'')::integer, runner->>''name'',
               (runner->>''withdrawn'')::boolean
        FROM jsonb_array_elements($1->''races'') AS race,
             jsonb_array_elements(race->''runners'') AS runner', target) USING card;
END $$;
SELECT pg_temp.load_card('wagering', :'card'), pg_temp.load_card('ticketing', :'card');

-- The result, as entered; only a closed race has one.
ALTER TABLE wagering.races ADD winner integer, ADD CHECK (winner IS NULL OR closed);

INSERT INTO ticketing.capacity (race, capacity) SELECT race, 5000 FROM ticketing.races;
INSERT INTO wagering.accounts SELECT 'A' || n, 100000 FROM generate_series(1001, 1010) AS n;
INSERT INTO wagering.accounts VALUES ('cash', 1000000000);
INSERT INTO ticketing.cards SELECT 'M' || n, 100000 FROM generate_series(2001, 2010) AS n;

GRANT USAGE ON SCHEMA wagering, ticketing, kiosk TO wagering, ticketing, kiosk_gateway;
GRANT SELECT ON ALL TABLES IN SCHEMA wagering, ticketing, kiosk
    TO wagering, ticketing, kiosk_gateway;
GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA wagering TO wagering;
GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA ticketing TO ticketing;
GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA kiosk TO kiosk_gateway;

COMMIT;
