//! The pages of the throwaway site.

/// A whole document around a body.
pub(crate) fn document(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Throwaway</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head><body>{body}</body></html>"
    )
}

pub(crate) const START: &str = r#"
<main>
<h1>Throwaway</h1>
<p id="scripts">No script ran</p>
<noscript><p>Scripts are off here</p></noscript>
<script>document.getElementById("scripts").textContent = "A script ran";</script>
<form method="post" action="/sign-in">
  <p><label for="name">Your name</label> <input id="name" name="name" value="nobody"></p>
  <p><label>Password <input type="password" name="password"></label></p>
  <p><label for="role">Role</label> <select id="role" name="role"><option>Guest<option>Friend&nbsp;of us</select></p>
  <p><input type="checkbox" id="remember" name="remember"><label for="remember">Remember me <small>for a day</small></label></p>
  <p><input type="checkbox" id="drawn" name="drawn" style="display: none"><label for="drawn">A drawn box</label></p>
  <button>Sign in</button>
</form>
<details><summary aria-label="Account menu">A</summary><a href="/kept">Inside the menu</a></details>
<p><a href="/private">To the private page</a></p>
<p><button type="button" style="display: none">Hidden</button> <button type="button"><svg width="1" height="1"><title>An icon</title></svg></button></p>
</main>"#;

pub(crate) const REFUSED: &str = "<main><h1>Throwaway</h1><p>That is not the password</p></main>";

pub(crate) const LEFT: &str = "<main><h1>Throwaway</h1><p>You have left</p></main>";

pub(crate) const KEPT: &str = r#"
<main><h1>A page that may be kept</h1><p id="how">Loaded</p><a href="/looks">Onward</a></main>
<script>
addEventListener("pageshow", (event) => {
  document.getElementById("how").textContent = event.persisted ? "Brought back alive" : "Shown anew";
});
</script>"#;

pub(crate) const CHANNEL: &str = r#"
<main><h1>Channel</h1><p id="heard">Heard nothing</p><button type="button" id="tell">Tell the others</button></main>
<script>
const channel = new BroadcastChannel("throwaway");
channel.onmessage = (event) => { document.getElementById("heard").textContent = "Heard " + event.data; };
document.getElementById("tell").onclick = () => channel.postMessage("a farewell");
</script>"#;

pub(crate) const DEVICES: &str = r#"
<main><h1>Devices</h1>
<ul>
  <li><div><strong>Laptop</strong></div> <form method="post" action="/sign-out"><button>End</button></form></li>
  <li><div><strong>Phone</strong></div> <form method="get" action="/kept"><button>End</button></form></li>
</ul></main>"#;

pub(crate) const FLAWED: &str = r#"
<main><h1>Flawed</h1><img src="data:," width="40" height="40"><form><input type="text"></form>
<p style="color: #ccc; background: #fff">Hardly to be read</p></main>"#;

pub(crate) const STRICT: &str = "<main><h1>Nothing wrong here</h1><p>Plain text.</p></main>";

pub(crate) const LOOKS: &str = r#"
<style>
:root { color-scheme: light dark; }
.dark, .narrow { display: none; }
@media (prefers-color-scheme: dark) { .dark { display: block; } .light { display: none; } }
@media (max-width: 320px) { .narrow { display: block; } .wide { display: none; } }
div { height: 3000px; }
</style>
<main><h1>Looks</h1>
<p class="dark">It is dark</p><p class="light">It is light</p>
<p class="narrow">It is narrow</p><p class="wide">It is wide</p>
<div></div><p>The end</p></main>"#;

/// What only somebody who signed in may see.
pub(crate) fn private(name: &str) -> String {
    format!(
        "<main><h1>The secrets of {name}</h1>\
         <form method=\"post\" action=\"/sign-out\"><button>Sign out</button></form>\
         <form method=\"post\" action=\"/sign-out-carelessly\"><button>Sign out carelessly</button></form></main>"
    )
}
