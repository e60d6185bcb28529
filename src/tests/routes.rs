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
    /// The one person whose generation the path names.
    Owner,
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

pub const ROUTES: &[Route] = &[
    get("/", For::All),
    get("/create", For::SignedIn),
    post("/create/controls", For::SignedIn),
    get("/gallery", For::SignedIn),
    get("/g/{id}", For::Owner),
    get("/credits", For::SignedIn),
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
    post("/generations/cancel", For::SignedIn),
    post("/api/app/generate", For::SignedIn),
    post("/api/app/ai-images", For::SignedIn),
    get("/api/app/generations/{id}", For::Owner),
    get("/events", For::SignedIn),
    get("/files/{id}/{file}", For::Owner),
    post("/hooks/replicate/{id}/{seq}", For::Replicate),
    get("/livez", For::All),
    get("/readyz", For::All),
];

impl Route {
    /// The address with a generation, a file and a model put in.
    pub fn of(&self, id: &str, file: &str) -> String {
        self.path.replace("{seq}", "1").replace("{id}", id).replace("{file}", file).replace("{owner}/{name}", "stability-ai/sdxl")
    }
}
