//! English: plain, warm, exact.

mod account;
mod around;
mod catalogue;
mod create;
mod gallery;
mod own;
mod viewer;
mod webhooks;

use super::page::{
    ControlText, CreditsText, DocsText, DoorText, FrameText, HelpText, KeysText, LandingText, Notice, PageText, PictureText,
    TroubleText,
};
use super::{number, one_or};
use crate::domain::{Field, FileProblem, Problem, Refusal, StatementKind};

pub(super) static TEXT: PageText = PageText {
    frame: FrameText {
        tagline: "pictures at the price on the button",
        description: "Make pictures with AI at a price you see before you press. What follows is a picture that stays yours, or all of your credits back.",
        skip: "Skip to content",
        home: "Atelier, home",
        create: "Create",
        gallery: "Gallery",
        models: "Models",
        credits: "Credits",
        account: "Account",
        navigation: "Main",
        available: "available",
        on_hold: "on hold",
        sign_in: "Sign in",
        sign_up: "Sign up",
        sign_out: "Sign out",
        other_language: "日本語",
        theme: "Theme",
        theme_system: "As the system",
        theme_light: "Light",
        theme_dark: "Dark",
        sandbox: "Sandbox: pictures are drawn here, Replicate bills nothing.",
        help: "How credits work",
        keys: "API keys",
        motto: "A picture that stays yours, or all of your credits back.",
        pictures: |n| one_or(n, "picture", "pictures"),
    },
    landing: LandingText {
        headline_first: "The price is on the button.",
        headline_second: "The picture is yours to keep.",
        lead: "Say what you want to see, in English or in Japanese. The button tells you what it costs before you press it, and \
               if no picture comes of it, every credit comes back by itself.",
        start: |n| if n > 0 { format!("Start with {} free credits", number(n)) } else { "Create an account".into() },
        demo: "Pictures made with Atelier’s own sandbox",
        price: Notice {
            title: "A price that holds still",
            body: "You never pay more than the button shows. It counts what you asked for, in whole credits, and nothing \
                   is added after you press.",
        },
        failure: Notice {
            title: "Failures cost nothing",
            body: "Credits are set aside when you press and taken only for pictures that are safely stored. When a model fails, \
                   stalls or turns you down, they return without a word to support.",
        },
        server: Notice {
            title: "Your server, your files",
            body: "One program on a machine of yours. Originals stay in your own storage, byte for byte, each with its SHA‑256. \
                   No link runs out after an hour.",
        },
        story: Notice {
            title: "What happens to four credits",
            body: "You ask for four pictures at one credit each. The model makes three and stumbles over the last. Your \
                   statement shows what was taken and what came back.",
        },
        quoted: |n| format!("Quoted {}", number(n)),
        held: |n| format!("Held {}", number(n)),
        charged: |n| format!("Charged {}", number(n)),
        returned: |n| format!("Returned {}", number(n)),
        quoted_note: "It stands on the button.",
        held_note: "Set aside in the same instant the request is recorded.",
        charged_note: "Three pictures are stored.",
        returned_note: "The fourth never came.",
        api: Notice {
            title: "A door for your programs, too",
            body: "The same promise over HTTP. Repeat a request with the same key as often as you like: it is made once and paid \
                   for once.",
        },
        api_example: "Asking for a picture with curl",
        api_more: "Read how programs talk to Atelier",
        chain: "Every line carries the hash of the one before it. Nobody can change a line and not be found out.",
        source: "Fully self-hosted: one binary, SQLite or PostgreSQL, a local folder or S3.",
    },
    door: DoorText {
        sign_in_title: "Sign in",
        sign_up_title: "Create an account",
        email: "Email",
        password: "Password",
        password_hint: |n| format!("At least {n} characters. A few unrelated words make a good one."),
        sign_in: "Sign in",
        sign_up: "Create account",
        no_account: "New here?",
        have_account: "Already have an account?",
        gift: |n| if n > 0 { format!("{} free credits to begin with. No card.", number(n)) } else { "No card needed.".into() },
        expired: "You were signed out after a while. Sign in and you are back where you left off.",
        wrong: "This email and password do not belong together. Check both and try again.",
        wait: account::too_many_tries,
        email_invalid: "This does not look like an email address. It needs a name, an @ and a domain.",
        email_taken: "This email already has an account. Sign in instead.",
        password_short: |n| format!("Too short: use at least {n} characters."),
        password_long: |n| format!("Too long: use at most {} characters.", number(n)),
        password_weak: "Too easy to guess. Add a word or two that have nothing to do with each other.",
        summary: "That did not work yet",
        caption: "Drawn by Atelier’s own sandbox.",
    },
    picture: PictureText {
        today: "Today",
        yesterday: "Yesterday",
        older: "Older pictures",
        newest: "Back to the newest",
        empty: Notice {
            title: "Nothing on the walls yet",
            body: "Every picture you make hangs here, newest first, for as long as you want it.",
        },
        first: Notice {
            title: "Your first picture",
            body: "Describe a scene, a light, a material. Or begin with one of these: it only fills the box, you still press.",
        },
        first_examples: "Examples",
        example_one: "A lighthouse on a basalt cliff at dusk, long exposure sea, muted teal and rust",
        example_two: "Rice terraces after rain, morning mist, woodblock print in three colours",
        example_three: "A paper crane on a workbench, north light, shallow depth of field",
        to_create: "Make a picture",
        problem,
        refusal,
        refused: "Nothing was charged",
        file,
    },
    create: create::CREATE,
    keys_help: create::KEYS,
    control: ControlText {
        required: "needed",
        deprecated: "outdated",
        model_decides: "The model decides",
        address: "Address of the file",
        pick_file: "Choose a file",
        pick_files: "Choose files",
        uploading: "Uploading",
        remove: "Remove",
        failed: "The upload did not work. Try again.",
        dropped: |names| format!("This model has no use for: {}.", names.join(", ")),
        violation: |found| FileProblem::of(found).map_or_else(|| found.description.clone(), file),
        choose: "Use this model",
        yours: "From your pictures",
        drop: "or drop it anywhere",
        too_large: "Too large: files may have at most {} MB.",
        too_wide: "Too large: pictures may have at most {} pixels along a side.",
        not_a_file: "This kind of file cannot be used here.",
    },
    viewer: viewer::VIEWER,
    receipt: viewer::RECEIPT,
    share: viewer::SHARE,
    gallery: gallery::GALLERY,
    credits: CreditsText {
        available: "Available",
        on_hold: "On hold",
        spent: "Spent, 30 days",
        returned: "Returned, 30 days",
        statement: "Statement",
        when: "When",
        what: "What",
        change: "Change",
        balance: "Balance",
        holds: "On hold now",
        holds_note: "Set aside for pictures being made. Taken when they are stored, returned when they are not.",
        kind,
        given_back: |n| format!("{} returned", number(n)),
        pictures: |n| format!("× {n}"),
        older: "Older entries",
        newest: "Back to the newest",
        empty: Notice {
            title: "No credits used yet",
            body: "Each picture you pay for and each credit that comes back gets a line here.",
        },
    },
    statement: account::STATEMENT,
    account: account::ACCOUNT,
    keys: KeysText {
        title: "API keys",
        lead: "A key lets a program of yours make pictures with your credits. Treat it like a password.",
        make_title: "New key",
        name: "Name",
        name_hint: "What it is for, so that you know it again.",
        scopes: "It may",
        read: "Look: models, predictions and their files",
        write: "Change: generate, cancel and bring files",
        cap: "Credits a month, at most",
        cap_hint: "Leave it empty for no limit but your balance. Months begin at midnight UTC.",
        make: "Make the key",
        made: Notice {
            title: "Your new key",
            body: "This is the only time it is shown: we keep nothing it could be read from. Copy it now and put it where your \
                   program finds it.",
        },
        list: "Your keys",
        created: "Made",
        last_used: "Last used",
        never_used: "Never used",
        spent: |n| format!("{} this month", one_or(n, "credit", "credits")),
        spent_of: |n| format!("of at most {}", number(n)),
        may_read: "look",
        may_write: "change",
        ends: "Ends",
        ended: "Ended",
        replaced: "Replaced",
        rotate: "Replace",
        rotate_note: "Makes a new key with the same name, rights and limit, and shows it once. This one goes on working for as \
                      long as you choose, so that you can change it over without a gap.",
        overlap: "This key works for another",
        overlap_none: "moment: end it now",
        overlap_hour: "hour",
        overlap_day: "24 hours",
        overlap_week: "7 days",
        rotate_submit: "Replace the key",
        revoke: "Revoke",
        revoke_note: "Ends this key at once and for good: whatever still uses it is turned away. What it has already asked for \
                      goes on and is paid for as usual.",
        revoke_submit: "Revoke the key",
        empty: Notice { title: "No keys yet", body: "Make one above, and your programs can ask for pictures, too." },
        name_missing: "Give it a name.",
        name_long: |n| format!("Too long: at most {} characters.", number(n)),
        scope_missing: "Choose at least one.",
        cap_wrong: "Use a whole number from 1, or leave it empty.",
        too_many: |n| format!("You have {} already. Revoke one that is not used any more.", one_or(n, "key", "keys")),
    },
    webhooks: webhooks::WEBHOOKS,
    docs: DocsText {
        title: "API",
        lead: "Atelier speaks Replicate’s HTTP API. A program written for Replicate works here with another address and another \
               key; what it makes costs your credits, shows in your gallery and stays.",
        start: Notice {
            title: "To begin",
            body: "Make a key and send it in a header with every request. Files in an output are addresses that need no key and \
                   never run out: whoever has one can look, so hand them on with care.",
        },
        example: "A first request with curl",
        document: "The whole description as an OpenAPI document",
        parameters: "Parameters",
        body: "Body",
        answers: "Answers",
        objects: "Objects",
        required: "required",
        keys: "Make a key",
    },
    catalogue: catalogue::CATALOGUE,
    admin: catalogue::ADMIN,
    own: own::OWN,
    help: HelpText {
        title: "How credits work",
        price: Notice {
            title: "What does a picture cost?",
            body: "What the button says. The price counts the pictures you ask for and the model that makes them. You never pay \
                   more than the number you pressed: it is kept for ten minutes, and if a price has changed after that, you \
                   are asked again first.",
        },
        hold: Notice {
            title: "What does “on hold” mean?",
            body: "When you press, the credits are set aside in the same instant your request is recorded. They are still yours. \
                   They are taken only when the pictures are stored.",
        },
        failure: Notice {
            title: "What if it fails?",
            body: "The credits return by themselves, and your statement shows the line. If some pictures of a request succeed, you \
                   keep and pay for those; the rest comes back.",
        },
        cancel: Notice {
            title: "Can I stop it?",
            body: "Yes, until the pictures are being stored. What you get back stands beside the button before you press it.",
        },
        twice: Notice {
            title: "What if I press twice, or the connection drops?",
            body: "A press is one request, however often it is sent. You can close the page: the work goes on, and the picture \
                   waits in your gallery.",
        },
        keep: Notice {
            title: "How long are pictures kept?",
            body: "For as long as this server is run. You can download the original of each, exactly as the model made it.",
        },
    },
    around: around::AROUND,
    trouble: TroubleText { trouble, request: "Request", home: "Back to Atelier", again: "Try again" },
};

fn problem(field: Field, problem: Problem) -> String {
    match (field, problem) {
        (Field::Prompt, Problem::Required) => "Say what you want to see.".into(),
        (_, Problem::Required) => "This is missing.".into(),
        (_, Problem::TooLong(most)) => format!("Too long: at most {} characters.", number(most)),
        (Field::Model, _) => "This model is not offered any more. Choose another.".into(),
        (Field::AspectRatio, _) => "This model cannot make that shape. Choose another.".into(),
        (Field::RequestKey, _) => "This form is out of date. Reload the page and press again.".into(),
        (Field::QuotedPrice, _) => "The price on the button could not be read. Reload the page and press again.".into(),
        (Field::Seed, Problem::NotInRange(most)) => format!("Use a whole number from 0 to {}.", number(most)),
        (_, Problem::NotInRange(most)) => format!("Use a whole number from 1 to {}.", number(most)),
        (_, Problem::TooMany(most)) => format!("These choices make more than {} prompts. Leave some out.", number(most)),
        (_, Problem::Invalid) => "This cannot be used here.".into(),
    }
}

fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Fields(_) | Refusal::Input(_) => "Please look at what is marked below.".into(),
        Refusal::Insufficient { available, price } => format!(
            "This costs {} and you have {} to spend.",
            one_or(price.0, "credit", "credits"),
            if available.0 == 0 { "none".into() } else { number(available.0) },
        ),
        Refusal::PriceChanged { quoted, price } => format!(
            "This costs {}, not {}. Press again if that is all right.",
            one_or(price.0, "credit", "credits"),
            number(quoted.0),
        ),
        Refusal::KeyReused => {
            "This form was already sent with something else in it. Press again to send it as it stands now.".into()
        }
        Refusal::KeyCapReached { cap, left } => format!(
            "This key may spend {} a month and has {} left.",
            one_or(cap.0, "credit", "credits"),
            if left.0 <= 0 { "none".into() } else { number(left.0) },
        ),
        Refusal::KeyEnded => "This key has ended.".into(),
        Refusal::AskFirst { above, price } => format!(
            "This costs {}, and you want to be asked above {}. Press again if that is all right; your account page has the limit.",
            one_or(price.0, "credit", "credits"),
            number(above.0),
        ),
        Refusal::DailyCapReached { cap, left } => format!(
            "You let {} be spent in 24 hours, and {} of that is left. Wait, or change the limit on your account page.",
            one_or(cap.0, "credit", "credits"),
            if left.0 <= 0 { "nothing".into() } else { number(left.0) },
        ),
        Refusal::TooManyQueued { limit } => {
            format!("{} are waiting already. Press again when one is done.", one_or(*limit, "request", "requests"))
        }
    }
}

fn file(problem: FileProblem) -> String {
    match problem {
        FileProblem::Missing => "No file arrived. Choose one and send it again.".into(),
        FileProblem::Empty => "That file is empty. Choose another.".into(),
        FileProblem::TooLarge(megabytes) => {
            format!("That file is larger than {} MB. Make it smaller and send it again.", number(megabytes))
        }
        FileProblem::TooWide(pixels) => {
            format!("That picture has more than {} pixels along one side. Make it smaller and send it again.", number(pixels))
        }
        FileProblem::Type => {
            "That kind of file cannot be used. Pictures can be PNG, JPEG or WebP; films MP4, WebM or MOV; sounds WAV, MP3, \
             FLAC, Ogg or M4A."
                .into()
        }
        FileProblem::Damaged => "That file is damaged and cannot be read. Save it again, or choose another.".into(),
        FileProblem::Interrupted => "The file did not arrive whole. Send it again.".into(),
        FileProblem::TooMany(most) => {
            format!(
                "{} of yours are on their way already. Send this one when one of them is here.",
                one_or(most, "file", "files")
            )
        }
        FileProblem::Full => "You keep as many files as fit. Delete some that you no longer need.".into(),
        FileProblem::Address => {
            "That address cannot be used. It must begin with https:// and lead to a site on the open internet.".into()
        }
        FileProblem::Unreachable => {
            "Nothing could be fetched from that address. Open it in a browser to check it, or upload the file instead.".into()
        }
        FileProblem::Gone => "That file is no longer here. Choose it again.".into(),
        FileProblem::InUse => "A picture is being made from that file. Delete it when that is done.".into(),
    }
}

const fn kind(kind: StatementKind) -> &'static str {
    match kind {
        StatementKind::SignupGrant => "Welcome credits",
        StatementKind::Grant => "Credits added",
        StatementKind::Capture => "Pictures",
        StatementKind::Release => "Not charged",
    }
}

const fn trouble(status: u16) -> Notice {
    match status {
        400 | 422 => Notice {
            title: "That request does not fit",
            body: "Something in it could not be read. Go back, check what you typed and send it again. Nothing was charged.",
        },
        401 | 403 => Notice {
            title: "That needs a fresh sign-in",
            body: "The request did not come from a page of yours that is still open to us. Sign in and try once more.",
        },
        404 | 410 => {
            Notice { title: "There is nothing here", body: "The address may be mistyped, or what it named is not yours to see." }
        }
        405 => Notice { title: "That door opens the other way", body: "This address is not meant to be used like that." },
        408 => Notice {
            title: "That took too long",
            body: "The request did not arrive in time; perhaps the connection is slow. Send it again. Nothing was charged.",
        },
        413 => Notice { title: "That is too much at once", body: "The request is larger than this server takes. Send less." },
        429 => Notice {
            title: "A little slower, please",
            body: "Too many requests came in a short time. Wait a moment; nothing is lost and nothing was charged.",
        },
        415 => Notice {
            title: "That is not a kind we read",
            body: "The request came in another form than this address takes. Send a form or JSON, and say which. Nothing was charged.",
        },
        416 => Notice { title: "There is no such part", body: "The file is shorter than what was asked of it." },
        503 => Notice {
            title: "Back in a moment",
            body: "The server is busy or restarting. Pictures already paid for are still being made, or their credits returned.",
        },
        _ => Notice {
            title: "That is our fault",
            body: "Something broke on our side and has been written down. Your credits are safe: nothing is charged without a \
                   stored picture.",
        },
    }
}
