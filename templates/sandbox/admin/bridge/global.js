// The global `shopify`.

const toasts = new Map();
hear("toast", ({ id, what }) => {
  const options = toasts.get(id);
  if (what === "action") options?.onAction?.();
  else options?.onDismiss?.();
  toasts.delete(id);
});

function overlay(id, verb) {
  const found = document.getElementById(id);
  if (typeof found?.[verb] !== "function") return Promise.reject(new Error(`There is no modal "${id}"`));
  return Promise.resolve(found[verb]());
}

window.shopify = {
  config: {
    apiKey,
    shop: address.get("shop") ?? undefined,
    host: address.get("host") ?? undefined,
    locale: address.get("locale") ?? "en",
    appOrigins: [],
    disabledFeatures: [],
    experimentalFeatures: [],
  },
  origin: window.location.origin,
  ready: Promise.resolve(),
  environment: { embedded: framed, mobile: false, pos: false },
  idToken,
  user: async () => ({}),
  loading: (on = true) => tell("loading", { on: Boolean(on) }),
  toast: {
    show(text, options = {}) {
      const id = `toast-${++lastId}`;
      const { duration, isError, action } = options;
      toasts.set(id, options);
      tell("toast", { id, text: String(text), duration, isError: Boolean(isError), action });
      return id;
    },
    hide: (id) => tell("toast-hide", { id }),
  },
  saveBar: {
    show: (id) => bar(id, "show"),
    hide: (id) => bar(id, "hide"),
    toggle: (id) => bar(id, "toggle"),
    leaveConfirmation,
  },
  modal: {
    show: (id) => overlay(id, "showOverlay"),
    hide: (id) => overlay(id, "hideOverlay"),
    toggle: (id) => overlay(id, "toggleOverlay"),
  },
};
