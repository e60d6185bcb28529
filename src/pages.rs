//! One file per page: pure views of plain data. A handler reads the data and puts the page into `app::Document`; a page
//! never asks for anything, so it renders the same in a test as on the server.
//!
//! To add a page: a file here, its sentences in `text`, a handler in `server/http/site.rs`.

mod admin_model;
mod admin_models;
mod controls;
mod create;
mod credits;
mod docs;
mod door;
mod error;
mod gallery;
mod help;
mod keys;
mod landing;
mod models;
mod offline;
mod viewer;

pub use admin_model::{AdminModel, Said};
pub use admin_models::AdminModels;
pub use controls::controls;
pub use create::Create;
pub use credits::{Credits30, CreditsPage, Hold};
pub use docs::{ApiDocs, ApiField, ApiObject, ApiOperation, DocsPage};
pub use door::{DoorForm, DoorProblem, SignIn, SignUp};
pub use error::ErrorPage;
pub use gallery::Gallery;
pub use help::Help;
pub use keys::{FreshKey, KeysPage};
pub use landing::Landing;
pub use models::{ModelCard, Models};
pub use offline::Offline;
pub use viewer::ViewerPage;
