// Session tokens: by hand, on every fetch to the app itself, and for the bounce page.

let asked = null;

// A token that was minted now. Calls at the same moment share one.
function idToken() {
  asked ??= ask("token").then((answer) => answer.token).finally(() => { asked = null; });
  return asked;
}

const plainFetch = window.fetch.bind(window);

window.fetch = async function fetch(input, init) {
  const request = new Request(input, init);
  const own = new URL(request.url).origin === window.location.origin;
  if (!own || !framed || request.headers.has("Authorization")) return plainFetch(input, init);
  const again = request.clone();
  request.headers.set("Authorization", `Bearer ${await idToken()}`);
  const answer = await plainFetch(request);
  if (answer.status !== 401 || answer.headers.get("X-Shopify-Retry-Invalid-Session-Request") !== "1") return answer;
  again.headers.set("Authorization", `Bearer ${await idToken()}`);
  return plainFetch(again);
};

// The bounce page, and a page that was opened outside the admin.
const reload = address.get("shopify-reload");
if (!framed) {
  const wanted = pagePath(reload ?? window.location.href);
  window.location.replace(`${adminOrigin}/open?path=${encodeURIComponent(wanted)}`);
} else if (reload !== null) {
  let target = null;
  try {
    target = new URL(reload, window.location.href);
  } catch {
    console.error("App Bridge: shopify-reload is no address.");
  }
  if (target?.origin === window.location.origin) {
    idToken().then((token) => {
      target.searchParams.set("id_token", token);
      window.location.replace(target);
    });
  } else if (target) {
    console.error("App Bridge: shopify-reload leads away from the app.");
  }
}
