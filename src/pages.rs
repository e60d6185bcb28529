//! One file per page: pure views of plain data. A handler reads the data and puts the page into `app::Document`; a page
//! never asks for anything, so it renders the same in a test as on the server.
//!
//! To add a page: a file here, its sentences in `text`, a handler in `server/http/site.rs`.

mod account;
mod admin_model;
mod admin_models;
mod code;
mod compare;
mod composer;
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
mod receipt;
mod shared;
mod viewer;
mod webhooks;

pub use account::{Account, AccountPage, AccountRefusal, Denied, Done, SessionLine};
pub use admin_model::{AdminModel, Said};
pub use admin_models::AdminModels;
pub use code::CodePage;
pub use compare::{ComparePage, Compared};
pub use composer::preset_list;
pub use controls::controls;
pub use create::Create;
pub use credits::{Credits30, CreditsPage, Hold};
pub use docs::{ApiDocs, ApiField, ApiObject, ApiOperation, DocsPage};
pub use door::{DoorForm, DoorProblem, SignIn, SignUp};
pub use error::ErrorPage;
pub use gallery::{Gallery, GalleryView, ModelChoice, Month, Shelf, ShelfTile};
pub use help::Help;
pub use keys::{FreshKey, KeysPage};
pub use landing::Landing;
pub use models::{ModelCard, Models};
pub use offline::Offline;
pub use receipt::ReceiptPage;
pub use shared::{ShareList, SharedPage, SharedPicture, SharesPage};
pub use viewer::{Seen, Standing, ViewerPage};
pub use webhooks::{TrialForm, WebhooksPage};
