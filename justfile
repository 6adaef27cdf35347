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

# The demo in Debian's Chromium; needs Node.js
test-browser *what:
    tests/browser/run {{what}}

lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# A release: an archive, its bill of materials and checksums, in target/release-files; needs Node.js
dist:
    deploy/dist

# Whether the release binary is as small, as quick to start and as modest as promised
footprint:
    deploy/footprint

# Everything that must hold before a change lands
ci *sections:
    .ci/run {{sections}}

# Two replicas under load, restarted and killed ten times each; needs haproxy
rolling url="postgres://postgres@127.0.0.1:5432/postgres":
    TEST_DATABASE_URL='{{url}}' cargo test --profile perf --test api -- --ignored --nocapture --test-threads 1 ten_restarts ten_kills

# Two replicas under load for a while; needs haproxy
soak seconds="1800" url="postgres://postgres@127.0.0.1:5432/postgres":
    SOAK_SECONDS={{seconds}} TEST_DATABASE_URL='{{url}}' cargo test --profile perf --test api -- --ignored --nocapture soak

# Whatever the OpenAPI document allows, and what it does not, sent to the running service; needs Python 3
api-fuzz seconds="600" seed="1":
    tests/api_fuzzing/run {{seconds}} {{seed}}

# Each fuzz target for a while, two at a time; needs a C++ compiler
fuzz seconds="1200" *targets:
    .ci/fuzz {{seconds}} {{targets}}

# Lines of the core that the tests run; needs cargo-llvm-cov
coverage:
    .ci/coverage

# Changes to the pure code that no test notices; a quarter of an hour
mutants *files:
    .ci/mutants {{files}}

# What the service costs beside the least that could do the same; needs wrk and taskset
bench *flags:
    cargo bench --bench load -- {{flags}}

# How long the pure steps of a request take
bench-steps *flags:
    cargo bench --bench steps -- {{flags}}
