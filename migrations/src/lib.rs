//! The schema, one change a file. Migrations only add; one that has landed is never edited.
