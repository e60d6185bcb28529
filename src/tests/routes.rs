//! Every address of the product, with what the matrices need to know of it. `architecture` fails when the router has an
//! address that is not here.

/// Whom an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Anybody.
    All,
    /// Whoever is signed in.
    SignedIn,
    /// Replicate, which brings no session but a signature.
    Replicate,
    /// A program with a key.
    Program,
    /// The one person whose generation the path names.
    Owner,
    /// The one person whose file the path names.
    FileOwner,
    /// The one who runs the house.
    Keeper,
}

/// One address.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub path: &'static str,
    pub get: bool,
    pub post: bool,
    pub whose: For,
}

const fn get(path: &'static str, whose: For) -> Route {
    Route { path, get: true, post: false, whose }
}

const fn post(path: &'static str, whose: For) -> Route {
    Route { path, get: false, post: true, whose }
}

const fn both(path: &'static str, whose: For) -> Route {
    Route { path, get: true, post: true, whose }
}

const fn any(path: &'static str, whose: For) -> Route {
    Route { path, get: false, post: false, whose }
}

pub const ROUTES: &[Route] = &[
    get("/", For::All),
    get("/create", For::SignedIn),
    post("/create/controls", For::SignedIn),
    post("/create/request", For::SignedIn),
    post("/create/presets", For::SignedIn),
    post("/create/presets/{id}", For::SignedIn),
    post("/create/presets/{id}/delete", For::SignedIn),
    get("/api/app/prompts", For::SignedIn),
    get("/api/app/pictures", For::SignedIn),
    get("/gallery", For::SignedIn),
    post("/gallery/marks", For::SignedIn),
    post("/gallery/collections", For::SignedIn),
    post("/gallery/zip", For::SignedIn),
    get("/g/{id}", For::Owner),
    get("/g/{id}/receipt", For::Owner),
    get("/g/{id}/receipt.json", For::Owner),
    post("/g/{id}/again", For::Owner),
    post("/g/{id}/share", For::Owner),
    get("/shares", For::SignedIn),
    post("/shares/{id}/revoke", For::SignedIn),
    get("/s/{token}", For::All),
    get("/s/{token}/{file}", For::All),
    get("/compare", For::SignedIn),
    get("/credits", For::SignedIn),
    get("/credits/statement.csv", For::SignedIn),
    get("/credits/statement.json", For::SignedIn),
    get("/account", For::SignedIn),
    post("/account/limits", For::SignedIn),
    post("/account/password", For::SignedIn),
    post("/account/sessions/end", For::SignedIn),
    post("/account/sessions/{name}/end", For::SignedIn),
    get("/account/export", For::SignedIn),
    post("/account/delete", For::SignedIn),
    both("/keys", For::SignedIn),
    get("/webhooks", For::SignedIn),
    post("/webhooks/test", For::SignedIn),
    post("/webhooks/enable", For::SignedIn),
    post("/webhooks/secret", For::SignedIn),
    post("/webhooks/{id}/redeliver", For::SignedIn),
    get("/docs/api", For::All),
    get("/models", For::SignedIn),
    both("/admin/models", For::Keeper),
    post("/admin/models/look", For::Keeper),
    both("/admin/models/{owner}/{name}", For::Keeper),
    post("/admin/models/{owner}/{name}/look", For::Keeper),
    post("/admin/models/{owner}/{name}/move", For::Keeper),
    get("/help", For::All),
    both("/sign-in", For::All),
    both("/sign-up", For::All),
    post("/sign-out", For::All),
    post("/preferences", For::All),
    post("/generate", For::SignedIn),
    post("/g/{id}/cancel", For::Owner),
    post("/g/{id}/retry", For::Owner),
    post("/generations/cancel", For::SignedIn),
    post("/keys/{id}/rotate", For::SignedIn),
    post("/keys/{id}/revoke", For::SignedIn),
    post("/api/app/generate", For::SignedIn),
    post("/api/app/ai-images", For::SignedIn),
    get("/api/app/generations/{id}", For::Owner),
    post("/api/app/files", For::SignedIn),
    get("/api/app/files/{id}", For::FileOwner),
    get("/events", For::SignedIn),
    get("/files/{id}/{file}", For::Owner),
    post("/hooks/replicate/{id}/{seq}", For::Replicate),
    get("/v1/account", For::Program),
    get("/v1/webhooks/default/secret", For::Program),
    both("/v1/files", For::Program),
    get("/v1/files/{id}", For::Program),
    get("/v1/files/{id}/download", For::Program),
    get("/v1/models", For::Program),
    get("/v1/models/{owner}/{name}", For::Program),
    get("/v1/models/{owner}/{name}/readme", For::Program),
    get("/v1/models/{owner}/{name}/examples", For::Program),
    get("/v1/models/{owner}/{name}/versions", For::Program),
    get("/v1/models/{owner}/{name}/versions/{version}", For::Program),
    post("/v1/models/{owner}/{name}/versions/{version}/trainings", For::Program),
    post("/v1/models/{owner}/{name}/predictions", For::Program),
    get("/v1/collections", For::Program),
    get("/v1/collections/{slug}", For::Program),
    get("/v1/search", For::Program),
    get("/v1/hardware", For::Program),
    both("/v1/deployments", For::Program),
    get("/v1/trainings", For::Program),
    both("/v1/predictions", For::Program),
    get("/v1/predictions/{id}", For::Program),
    post("/v1/predictions/{id}/cancel", For::Program),
    any("/v1/{*rest}", For::Program),
    get("/v1/openapi.json", For::All),
    get("/v1/streams/{token}", For::All),
    get("/i/{token}/{file}", For::All),
    get("/o/{token}/{file}", For::All),
    get("/manifest.webmanifest", For::All),
    get("/sw.js", For::All),
    get("/build", For::All),
    get("/offline", For::All),
    both("/share", For::All),
    get("/livez", For::All),
    get("/readyz", For::All),
];

impl Route {
    /// The address with a generation, a file and a model put in.
    pub fn of(&self, id: &str, file: &str) -> String {
        self.path.replace("{seq}", "1").replace("{id}", id).replace("{file}", file).replace("{owner}/{name}", "stability-ai/sdxl")
    }
}
