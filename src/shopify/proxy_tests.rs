//! Known answers for the app-proxy verifier, and what no query may do.
