
/* What the statuses of connections are called */

const STATUS_WORDS = {
  active: "Linked",
  initialized: "Started, not finished",
  unauthenticated: "Needs a new login",
  disconnected: "Disconnected",
  revoked: "Revoked",
};
