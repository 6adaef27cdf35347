//! Prints `docs/errors.md` from the one table of errors: `cargo run --example errors_page > docs/errors.md`.

use subtotal_connect::http::PROBLEMS;

const HEAD: &str = r#"<!-- Made by `cargo run --example errors_page > docs/errors.md`; do not edit. -->
# Errors

Every refusal is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)):

```json
{
  "type": "urn:subtotal-connect:problem:invalid_request",
  "title": "Invalid request",
  "status": 400,
  "detail": "Something in the request is missing or wrong; errors names each field.",
  "code": "invalid_request",
  "request_id": "01KAJ0000000000000000000ZZ",
  "errors": [{ "field": "redirectUrl", "message": "is required and must be a string" }]
}
```

Programs go by `code`, which does not change. `errors` is there for `invalid_request` only. `request_id` is also the
header `X-Request-Id` and stands in the service's log. `GET /apps/subtotal/link/{linkId}` is a page people navigate to,
so once its signature is verified it answers the same statuses with a small HTML page instead.

A request is refused for the first of these that holds: an overload, its signature, a rate limit, the shop, the customer,
the media type and size of its body, the body's fields, and then the rest.

| code | status | what it means, and what to do |
|---|---|---|
"#;

const TAIL: &str = r#"
`subtotal_busy` and `database_unavailable` carry `Retry-After` in seconds, `method_not_allowed` carries `Allow`.

## What a signed request must look like

`invalid_signature` never says which check failed; the log line `app-proxy request refused` has it as `reason`, the
counter `proxy_refusals_total` counts it, and `subtotal-connect explain-proxy URL` says it in words.

| reason | the request is refused because |
|---|---|
| `query_too_long`, `too_many_parameters` | the query has more than 8 KiB, or more than 64 parameters |
| `bad_percent_escape`, `not_utf8` | it can not be decoded |
| `missing_parameter`, `repeated_parameter` | `shop`, `logged_in_customer_id`, `path_prefix`, `timestamp` and `signature` must be there exactly once |
| `hmac_parameter` | there is an `hmac` parameter, which belongs to another of Shopify's algorithms |
| `key_holds_equals`, `hidden_path_prefix`, `hidden_identity` | a parameter could be read as one of Shopify's own |
| `malformed_signature` | `signature` is not 64 lower-case hex digits |
| `wrong_signature` | no configured client secret gives this signature |
| `malformed_timestamp`, `stale_timestamp` | `timestamp` is not plain digits, or is more than 90 s from now |
| `invalid_shop`, `invalid_customer`, `invalid_path_prefix` | a signed value does not have the shape Shopify gives it |
"#;

fn main() {
    print!("{HEAD}");
    for problem in PROBLEMS {
        println!("| `{}` | {} | {} |", problem.code, problem.status, problem.detail);
    }
    print!("{TAIL}");
}
