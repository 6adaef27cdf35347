# Plain cargo lines under short names; nothing here is needed to build or test.

# The whole world on this machine, without any account
demo *flags:
    cargo run -- demo {{flags}}

# The tests, on SQLite
test:
    cargo test

# The same tests on a PostgreSQL server, each in a database of its own
test-postgres url="postgres://postgres@127.0.0.1:5432/postgres":
    TEST_DATABASE_URL='{{url}}' cargo test

lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Everything that must hold before a change lands
ci *sections:
    .ci/run {{sections}}
