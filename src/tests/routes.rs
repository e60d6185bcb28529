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
    /// The one person whose file the path names.
    FileOwner,
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
    get("/gallery", For::SignedIn),
    get("/g/{id}", For::Owner),
    get("/credits", For::SignedIn),
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
    post("/api/app/files", For::SignedIn),
    get("/api/app/files/{id}", For::FileOwner),
    get("/events", For::SignedIn),
    get("/files/{id}/{file}", For::Owner),
    post("/hooks/replicate/{id}/{seq}", For::Replicate),
    get("/livez", For::All),
    get("/readyz", For::All),
];

impl Route {
    /// The address with a generation and a file put in.
    pub fn of(&self, id: &str, file: &str) -> String {
        self.path.replace("{seq}", "1").replace("{id}", id).replace("{file}", file)
    }
}
