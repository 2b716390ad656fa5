// Passkeys: the browser makes and uses them, and only a script can ask it to. Nothing here is needed to sign
// in with a password, and nothing is kept.
"use strict";
(() => {
  const api = window.PublicKeyCredential;
  const possible = Boolean(api && navigator.credentials && window.isSecureContext);
  const all = (selector) => Array.from(document.querySelectorAll(selector));

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const base64 = (buffer) => {
    const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
    return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };

  /** Calls the server; an answer always has `ok`, and what it says. */
  const call = async (address, body) => {
    try {
      const options = body === undefined
        ? { headers: { Accept: "application/json" } }
        : { method: "POST", headers: { "Content-Type": "application/json", "X-Nightlatch": "1" }, body: JSON.stringify(body) };
      const answer = await fetch(address, { cache: "no-store", redirect: "error", ...options });
      const said = await answer.json();
      return { ...said, ok: answer.ok, code: String(said.type || "").split(":").pop() };
    } catch {
      return { ok: false, detail: "The server could not be reached. Check your connection and try again." };
    }
  };

  const say = (box, sentence) => {
    box.hidden = !sentence;
    box.querySelector("p").textContent = sentence || "";
  };

  // What a person reads when the browser gave nothing: it does not tell why, to protect them.
  const NOTHING = "No passkey was used. You can try again, or sign in with your password.";
  const NOT_USED = "No passkey was used. You can try again, or use another way.";
  const NOT_MADE = "No passkey was added. You can try again, or choose another device.";

  // ---- what only works with scripts ----------------------------------------------------------------
  for (const element of all("[data-needs-passkeys]")) element.hidden = !possible;
  for (const element of all("[data-without-passkeys]")) {
    element.hidden = possible;
    const words = element.dataset.withoutPasskeys;
    const sentence = element.matches("p") ? element : element.querySelector("p");
    if (!possible && words) sentence.textContent = words;
  }

  /** Tells authenticators which passkeys work and what the account is called now; whatever they make of it. */
  const tell = async () => {
    if (!api?.signalAllAcceptedCredentials) return;
    const known = await call("/account/security/passkeys/accepted");
    if (!known.ok || !known.user_id) return;
    const account = { rpId: known.rp_id, userId: known.user_id };
    try {
      await api.signalAllAcceptedCredentials({ ...account, allAcceptedCredentialIds: known.credential_ids });
      await api.signalCurrentUserDetails?.({ ...account, name: known.name, displayName: known.display_name });
    } catch { /* authenticators need not listen */ }
  };
  if (possible && document.body.dataset.tellsAuthenticators !== undefined) tell();

  // ---- adding one ----------------------------------------------------------------------------------
  const make = async (begun) => {
    const wanted = begun.publicKey;
    const publicKey = {
      ...wanted,
      challenge: bytes(wanted.challenge),
      user: { ...wanted.user, id: bytes(wanted.user.id) },
      excludeCredentials: (wanted.excludeCredentials || []).map((held) => ({ ...held, id: bytes(held.id) })),
    };
    const made = await navigator.credentials.create({ publicKey });
    const { credProps } = made.getClientExtensionResults();
    return {
      id: made.id,
      rawId: base64(made.rawId),
      type: made.type,
      response: {
        attestationObject: base64(made.response.attestationObject),
        clientDataJSON: base64(made.response.clientDataJSON),
        transports: made.response.getTransports?.() || null,
      },
      clientExtensionResults: credProps ? { credProps: { rk: credProps.rk } } : {},
    };
  };

  const form = document.querySelector("[data-passkey-add]");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const problem = form.querySelector("[data-passkey-problem]");
    if (!possible || button.disabled) return;
    button.disabled = true;
    say(problem, "");
    const begun = await call("/account/security/passkeys/begin", {});
    let sentence = begun.detail;
    if (begun.code === "proof-needed") return void location.reload();
    if (begun.ok) {
      try {
        const credential = await make(begun);
        const done = await call("/account/security/passkeys/finish", { ceremony: begun.ceremony, credential, name: form.elements.name.value, log_out_others: form.elements.log_out_others.checked });
        if (done.ok) return void location.assign(done.to);
        sentence = done.detail;
      } catch (error) {
        sentence = error.name === "InvalidStateError" ? "This device has a passkey for your account already." : NOT_MADE;
      }
    }
    say(problem, sentence || NOT_MADE);
    button.disabled = false;
  });

  /** What an authenticator answered, as the server reads it. */
  const written = (used) => ({
    id: used.id,
    rawId: base64(used.rawId),
    type: used.type,
    response: {
      authenticatorData: base64(used.response.authenticatorData),
      clientDataJSON: base64(used.response.clientDataJSON),
      signature: base64(used.response.signature),
      userHandle: used.response.userHandle ? base64(used.response.userHandle) : null,
    },
  });

  // ---- the second step, and confirming that it's you -----------------------------------------------
  // The answer travels in a field of the form around it, which goes on as if a password had been typed.
  for (const place of possible ? all("[data-passkey-answer]") : []) {
    const form = place.closest("form");
    const field = place.querySelector("input");
    const button = place.querySelector("button");
    const problem = place.querySelector("[data-passkey-problem]");
    place.hidden = false;
    button.addEventListener("click", async () => {
      if (button.disabled) return;
      button.disabled = true;
      say(problem, "");
      const begun = await call(place.dataset.passkeyAnswer, {});
      let sentence = begun.detail;
      if (begun.ok) {
        try {
          const wanted = begun.publicKey;
          const allowCredentials = wanted.allowCredentials.map((held) => ({ ...held, id: bytes(held.id) }));
          const used = await navigator.credentials.get({ publicKey: { ...wanted, challenge: bytes(wanted.challenge), allowCredentials } });
          field.value = JSON.stringify({ ceremony: begun.ceremony, credential: written(used) });
          form.requestSubmit(form.querySelector('button[type="submit"]'));
          field.value = ""; // it is on its way, and good for nothing else
        } catch {
          sentence = NOT_USED;
        }
      }
      if (sentence || !begun.ok) say(problem, sentence || NOT_USED);
      button.disabled = false;
    });
  }

  // ---- signing in ----------------------------------------------------------------------------------
  const place = document.querySelector("[data-passkey-sign-in]");
  if (!possible || !place) return;
  place.hidden = false;
  const button = place.querySelector("button");
  const problem = place.querySelector("[data-passkey-problem]");
  const login = document.querySelector('form[action="/login"]');
  const choice = (name) => {
    const fields = Array.from(login.querySelectorAll(`[name="${name}"]`));
    return fields.some((field) => field.type === "hidden" || (field.checked && !field.disabled));
  };
  const value = (name) => login.querySelector(`[name="${name}"]`)?.value || "";
  const STALE = 4 * 60 * 1000; // a challenge lives for five minutes

  let asked = null; // the question that the browser holds now
  let askedAt = 0;

  /** Asks the browser for a passkey. True if the page is about to change. */
  const ask = async (quietly) => {
    asked?.abort();
    const mine = new AbortController();
    asked = mine;
    askedAt = Date.now();
    const begun = await call("/login/passkey/begin", {});
    if (!begun.ok) return void (!quietly && say(problem, begun.detail || NOTHING));
    if (mine.signal.aborted) return;
    let used;
    try {
      const publicKey = { ...begun.publicKey, challenge: bytes(begun.publicKey.challenge), allowCredentials: [] };
      const mediation = quietly ? "conditional" : "optional";
      used = await navigator.credentials.get({ publicKey, mediation, signal: mine.signal });
    } catch (error) {
      if (!quietly && error.name !== "AbortError") say(problem, NOTHING);
      return;
    }
    const done = await call("/login/passkey/finish", {
      ceremony: begun.ceremony,
      credential: written(used),
      remember: choice("remember"),
      shared: choice("shared"),
      return_to: value("return_to"),
      replace: value("replace"),
    });
    if (done.ok) {
      location.assign(done.to);
      return true;
    }
    if (done.code === "somebody-else") return void location.reload();
    if (done.code === "passkey-unknown") {
      try {
        await api.signalUnknownCredential?.({ rpId: begun.publicKey.rpId, credentialId: used.id });
      } catch { /* authenticators need not listen */ }
    }
    say(problem, done.detail || NOTHING);
  };

  /** Offers passkeys among the suggestions of the address field. */
  const offer = async () => {
    if (await api.isConditionalMediationAvailable?.()) {
      const leaves = await ask(true);
      if (leaves) asked = null;
    }
  };

  button.addEventListener("click", async () => {
    if (button.disabled) return;
    button.disabled = true;
    say(problem, "");
    if (!(await ask(false))) {
      button.disabled = false;
      offer();
    }
  });

  // A challenge that nobody answered in time is drawn anew, while somebody looks.
  const refresh = () => {
    if (!document.hidden && !button.disabled && asked && Date.now() - askedAt > STALE) offer();
  };
  setInterval(refresh, 30000);
  document.addEventListener("visibilitychange", refresh);
  addEventListener("pagehide", () => asked?.abort());
  offer();
})();
