//! 日本語。です・ます、ボタンは動詞、数えるときは「枚」「件」。

mod account;
mod around;
mod catalogue;
mod create;
mod gallery;
mod own;
mod viewer;
mod webhooks;

use super::number;
use super::page::{
    ControlText, CreditsText, DocsText, DoorText, FrameText, HelpText, KeysText, LandingText, Notice, PageText, PictureText,
    TroubleText,
};
use crate::domain::schema::Violation;
use crate::domain::{Field, FileProblem, Problem, Refusal, StatementKind};

pub(super) static TEXT: PageText = PageText {
    frame: FrameText {
        tagline: "値段はボタンに、画像は手元に",
        description: "AIで画像を作ります。値段は押す前にわかります。画像が手に入るか、クレジットがすべて戻るか、そのどちらかです。",
        skip: "本文へ移動",
        home: "Atelier ホーム",
        create: "つくる",
        gallery: "ギャラリー",
        models: "モデル",
        credits: "クレジット",
        account: "アカウント",
        navigation: "メイン",
        available: "利用可能",
        on_hold: "確保中",
        sign_in: "ログイン",
        sign_up: "登録",
        sign_out: "ログアウト",
        other_language: "English",
        theme: "表示テーマ",
        theme_system: "端末に合わせる",
        theme_light: "ライト",
        theme_dark: "ダーク",
        sandbox: "サンドボックス：Replicateの料金はかかりません。",
        help: "クレジットのしくみ",
        keys: "APIキー",
        motto: "画像が手に入るか、クレジットがすべて戻るか。",
        pictures: |n| format!("{}枚", number(n)),
    },
    landing: LandingText {
        headline_first: "値段はボタンに。",
        headline_second: "画像は手元に。",
        lead: "見たいものを、日本語でも英語でもそのまま書いてください。いくらかかるかは、押す前にボタンに出ています。\
               画像ができなかったときは、クレジットが自動ですべて戻ります。",
        start: |n| {
            if n > 0 {
                format!("無料の{}クレジットではじめる", number(n))
            } else {
                "アカウントを作る".into()
            }
        },
        demo: "Atelierのサンドボックスで描いた画像",
        price: Notice {
            title: "動かない値段",
            body: "ボタンの数字が、お支払いの上限です。頼んだ枚数ぶんを整数のクレジットで数え、押したあとに増えることはありません。",
        },
        failure: Notice {
            title: "失敗は無料",
            body: "クレジットは押した時点で確保し、画像を保存できたぶんだけいただきます。モデルが失敗しても、止まっても、断られても、\
                   問い合わせなしで戻ります。",
        },
        server: Notice {
            title: "自分のサーバーに、自分のファイル",
            body: "お手元のマシンで動く、ひとつのプログラムです。元の画像は1バイトも変えずに保管し、SHA-256を添えます。\
                   1時間で切れるリンクはありません。",
        },
        story: Notice {
            title: "4クレジットのゆくえ",
            body: "1枚1クレジットで4枚を頼み、モデルは3枚を仕上げ、最後の1枚でつまずきました。いくら支払い、いくら戻ったかは、明細に残ります。",
        },
        quoted: |n| format!("提示 {}", number(n)),
        held: |n| format!("確保 {}", number(n)),
        charged: |n| format!("支払い {}", number(n)),
        returned: |n| format!("返却 {}", number(n)),
        quoted_note: "ボタンに書いてあります。",
        held_note: "依頼を記録するのと同時に確保します。",
        charged_note: "3枚を保存しました。",
        returned_note: "4枚目は届きませんでした。",
        api: Notice {
            title: "プログラムからも、同じ約束で",
            body: "HTTPでも変わりません。同じキーで何度送り直しても、作るのは一度、支払いも一度です。",
        },
        api_example: "curlで画像を頼む例",
        api_more: "プログラムからの使い方を読む",
        chain: "どの行にも、ひとつ前の行のハッシュが入っています。あとから書き換えれば、必ずわかります。",
        source: "すべて自分で運用できます。実行ファイルはひとつ。データベースはSQLiteかPostgreSQL、保管先はフォルダーかS3です。",
    },
    door: DoorText {
        sign_in_title: "ログイン",
        sign_up_title: "アカウントを作る",
        email: "メールアドレス",
        password: "パスワード",
        password_hint: |n| format!("{n}文字以上。関係のない言葉をいくつか並べると強くなります。"),
        sign_in: "ログインする",
        sign_up: "アカウントを作る",
        no_account: "はじめての方は",
        have_account: "アカウントをお持ちの方は",
        gift: |n| {
            if n > 0 {
                format!("はじめに無料の{}クレジットが付きます。カードは不要です。", number(n))
            } else {
                "カードは不要です。".into()
            }
        },
        expired: "しばらく操作がなかったため、ログアウトしました。ログインすると元の場所に戻ります。",
        wrong: "メールアドレスとパスワードの組み合わせが違います。両方を確かめて、もう一度お試しください。",
        wait: account::too_many_tries,
        email_invalid: "メールアドレスの形になっていません。名前、@、ドメインを入れてください。",
        email_taken: "このメールアドレスは登録済みです。ログインしてください。",
        password_short: |n| format!("短すぎます。{n}文字以上にしてください。"),
        password_long: |n| format!("長すぎます。{}文字以内にしてください。", number(n)),
        password_weak: "推測されやすいパスワードです。互いに関係のない言葉を一つ二つ足してください。",
        summary: "まだ進めません",
        caption: "Atelierのサンドボックスが描いた画像",
    },
    picture: PictureText {
        today: "今日",
        yesterday: "昨日",
        older: "これより前の画像",
        newest: "いちばん新しい画像へ",
        empty: Notice {
            title: "まだ何も飾られていません",
            body: "作った画像は、新しい順にここに並びます。消さないかぎり、ずっと残ります。",
        },
        first: Notice {
            title: "最初の1枚",
            body: "場面、光、素材を書いてみてください。下の例から始めることもできます。入力欄に入るだけで、押すのはあなたです。",
        },
        first_examples: "例",
        example_one: "夕暮れの玄武岩の崖に立つ灯台、長時間露光の海、くすんだ青緑と錆色",
        example_two: "雨上がりの棚田、朝もや、三色刷りの木版画",
        example_three: "作業台の上の折り鶴、北窓の光、浅い被写界深度",
        to_create: "画像を作る",
        problem,
        refusal,
        refused: "支払いはありません",
        file,
    },
    create: create::CREATE,
    keys_help: create::KEYS,
    control: ControlText {
        required: "必須",
        deprecated: "旧式",
        model_decides: "モデルに任せる",
        address: "ファイルのアドレス",
        pick_file: "ファイルを選ぶ",
        pick_files: "ファイルを選ぶ（複数可）",
        uploading: "アップロード中",
        remove: "外す",
        failed: "アップロードできませんでした。もう一度お試しください。",
        dropped: |names| format!("このモデルでは使わない設定：{}", names.join("、")),
        violation,
        choose: "このモデルを使う",
        yours: "自分の画像から選ぶ",
        drop: "ドロップもできます",
        too_large: "ファイルが大きすぎます。{}MBまで使えます。",
        too_wide: "画像が大きすぎます。縦横とも{}ピクセルまで使えます。",
        not_a_file: "この種類のファイルは、ここでは使えません。",
    },
    viewer: viewer::VIEWER,
    receipt: viewer::RECEIPT,
    share: viewer::SHARE,
    gallery: gallery::GALLERY,
    credits: CreditsText {
        available: "利用可能",
        on_hold: "確保中",
        spent: "支払い（30日）",
        returned: "返却（30日）",
        statement: "クレジット明細",
        when: "日時",
        what: "内容",
        change: "増減",
        balance: "残高",
        holds: "いま確保中のもの",
        holds_note: "制作中の画像のために確保しています。保存できたらいただき、できなければお返しします。",
        kind,
        given_back: |n| format!("{}を返却", number(n)),
        pictures: |n| format!("{n}枚"),
        older: "これより前の明細",
        newest: "最新の明細へ",
        empty: Notice {
            title: "まだクレジットを使っていません",
            body: "支払った画像も、戻ったクレジットも、一行ずつここに載ります。",
        },
    },
    statement: account::STATEMENT,
    account: account::ACCOUNT,
    keys: KeysText {
        title: "APIキー",
        lead: "キーがあれば、プログラムからあなたのクレジットで画像を作れます。パスワードと同じように扱ってください。",
        make_title: "新しいキー",
        name: "名前",
        name_hint: "何に使うキーか、あとでわかる名前にしてください。",
        scopes: "できること",
        read: "見る：モデル、生成の結果とファイル",
        write: "変える：生成、キャンセル、ファイルの持ち込み",
        cap: "ひと月の上限（クレジット）",
        cap_hint: "空欄なら、残高のほかに上限はありません。月の区切りは協定世界時の0時です。",
        make: "キーを作る",
        made: Notice {
            title: "新しいキーができました",
            body: "表示されるのは今だけです。こちらには、読み戻せる形では残りません。いまコピーして、プログラムが読む場所に置いてください。",
        },
        list: "お持ちのキー",
        created: "作成",
        last_used: "最後に使った日時",
        never_used: "まだ使っていません",
        spent: |n| format!("今月{}クレジット", number(n)),
        spent_of: |n| format!("上限{}", number(n)),
        may_read: "見る",
        may_write: "変える",
        ends: "終了予定",
        ended: "終了",
        replaced: "交換済み",
        rotate: "交換する",
        rotate_note: "同じ名前、同じ権限、同じ上限の新しいキーを作り、一度だけ表示します。このキーは選んだ時間だけ使えるので、\
                      止めずに入れ替えられます。",
        overlap: "このキーを使える時間",
        overlap_none: "いますぐ終わらせる",
        overlap_hour: "あと1時間",
        overlap_day: "あと24時間",
        overlap_week: "あと7日間",
        rotate_submit: "キーを交換する",
        revoke: "取り消す",
        revoke_note: "このキーはただちに使えなくなり、元に戻せません。使っているプログラムは断られます。受け付け済みの依頼はそのまま続き、\
                      支払いもいつもどおりです。",
        revoke_submit: "キーを取り消す",
        empty: Notice {
            title: "まだキーがありません", body: "上で作ると、プログラムからも画像を頼めるようになります。"
        },
        name_missing: "名前を付けてください。",
        name_long: |n| format!("長すぎます。{}文字以内にしてください。", number(n)),
        scope_missing: "少なくともひとつ選んでください。",
        cap_wrong: "1以上の整数にするか、空欄にしてください。",
        too_many: |n| format!("すでに{}個あります。使っていないキーを取り消してください。", number(n)),
    },
    webhooks: webhooks::WEBHOOKS,
    docs: DocsText {
        title: "APIの説明",
        lead: "AtelierはReplicateのHTTP APIをそのまま話します。Replicate向けのプログラムは、宛先とキーを替えるだけで動きます。\
               作ったものにはクレジットがかかり、ギャラリーに並び、ずっと残ります。",
        start: Notice {
            title: "はじめに",
            body: "キーを作り、リクエストごとにヘッダーで送ってください。出力のファイルはキーなしで開けるアドレスで、期限はありません。\
                   知っている人はだれでも見られるので、渡す相手に気をつけてください。",
        },
        example: "curlで最初のリクエストを送る例",
        document: "OpenAPI形式の説明書（全体）",
        parameters: "パラメーター",
        body: "本文",
        answers: "応答",
        objects: "オブジェクト",
        required: "必須",
        keys: "キーを作る",
    },
    catalogue: catalogue::CATALOGUE,
    admin: catalogue::ADMIN,
    own: own::OWN,
    help: HelpText {
        title: "クレジットのしくみ",
        price: Notice {
            title: "1枚いくらですか",
            body: "ボタンに書いてあるとおりです。頼む枚数と、描くモデルで決まります。押したときの数字より多くいただくことはありません。\
                   その数字は10分間そのままで、それより後に値段が変わっていたら、先にもう一度お尋ねします。",
        },
        hold: Notice {
            title: "「確保中」とは何ですか",
            body: "押すと、依頼を記録するのと同時にクレジットを確保します。まだあなたのものです。画像を保存できたときに、はじめていただきます。",
        },
        failure: Notice {
            title: "失敗したらどうなりますか",
            body: "クレジットは自動で戻り、明細に載ります。何枚かだけできたときは、できたぶんだけをお支払いいただき、残りは戻ります。",
        },
        cancel: Notice {
            title: "途中で止められますか",
            body: "画像の保存が始まるまで止められます。いくら戻るかは、押す前にボタンのそばに出ています。",
        },
        twice: Notice {
            title: "二度押したり、通信が切れたりしたら",
            body: "何度送られても、ひと押しはひとつの依頼です。ページを閉じても作業は続き、画像はギャラリーで待っています。",
        },
        keep: Notice {
            title: "画像はいつまで残りますか",
            body: "このサーバーが動いているかぎり残ります。元の画像は、モデルが描いたままの形でダウンロードできます。",
        },
    },
    around: around::AROUND,
    trouble: TroubleText { trouble, request: "リクエスト番号", home: "Atelierに戻る", again: "もう一度試す" },
};

fn problem(field: Field, problem: Problem) -> String {
    match (field, problem) {
        (Field::Prompt, Problem::Required) => "見たいものを書いてください。".into(),
        (_, Problem::Required) => "入力がありません。".into(),
        (_, Problem::TooLong(most)) => format!("長すぎます。{}文字以内にしてください。", number(most)),
        (Field::Model, _) => "このモデルは今は使えません。別のモデルを選んでください。".into(),
        (Field::AspectRatio, _) => "このモデルでは作れない縦横比です。別のものを選んでください。".into(),
        (Field::RequestKey, _) => "画面の内容が古くなっています。再読み込みして、もう一度押してください。".into(),
        (Field::QuotedPrice, _) => "ボタンの値段を読み取れませんでした。再読み込みして、もう一度押してください。".into(),
        (Field::Seed, Problem::NotInRange(most)) => format!("0から{}までの整数にしてください。", number(most)),
        (_, Problem::NotInRange(most)) => format!("1から{}までの整数にしてください。", number(most)),
        (_, Problem::TooMany(most)) => format!("組み合わせが{}件を超えています。選択肢を減らしてください。", number(most)),
        (_, Problem::Invalid) => "ここでは使えない値です。".into(),
    }
}

fn violation(found: &Violation) -> String {
    if let Some(problem) = FileProblem::of(found) {
        return file(problem);
    }
    // The number, the type or the choices stand at the end of the English sentence.
    let last = found.description.rsplit([' ', ':']).next().unwrap_or_default();
    let choices = found.description.split_once("following:").map_or("", |(_, choices)| choices).trim();
    match found.kind.as_ref() {
        "required" => "入力してください。".into(),
        "enum" => format!("次の中から選んでください：{choices}"),
        "invalid_type" => "値の種類が合いません。数値か文字かを確かめてください。".into(),
        "number_gte" => format!("{last}以上にしてください。"),
        "number_lte" => format!("{last}以下にしてください。"),
        "number_gt" => format!("{last}より大きくしてください。"),
        "number_lt" => format!("{last}より小さくしてください。"),
        "string_gte" => "文字数が足りません。".into(),
        "string_lte" => "文字数が多すぎます。".into(),
        "format" => "ファイルのアドレス（https）を入れてください。".into(),
        "json" => "JSONとして読めません。".into(),
        _ => "この値は使えません。".into(),
    }
}

fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Fields(_) | Refusal::Input(_) => "下の印の付いたところを確かめてください。".into(),
        Refusal::Insufficient { available, price } => {
            format!("{}クレジット必要ですが、利用できるのは{}クレジットです。", number(price.0), number(available.0))
        }
        Refusal::PriceChanged { quoted, price } => format!(
            "これは{}クレジットかかります（表示は{}でした）。よろしければ、もう一度押してください。",
            number(price.0),
            number(quoted.0),
        ),
        Refusal::KeyReused => "このフォームは別の内容で送信済みです。いまの内容で送るには、もう一度押してください。".into(),
        Refusal::KeyCapReached { cap, left } => {
            format!("このキーの上限は月{}クレジットで、残りは{}クレジットです。", number(cap.0), number(left.0.max(0)))
        }
        Refusal::KeyEnded => "このキーはもう使えません。".into(),
        Refusal::AskFirst { above, price } => format!(
            "{}クレジットかかります。{}クレジットを超えるときは確認する設定です。よければもう一度押してください。設定はアカウントの画面で変えられます。",
            number(price.0),
            number(above.0),
        ),
        Refusal::DailyCapReached { cap, left } => format!(
            "24時間に使う上限は{}クレジットで、残りは{}です。時間をおくか、アカウントの画面で上限を変えてください。",
            number(cap.0),
            number(left.0.max(0)),
        ),
        Refusal::TooManyQueued { limit } => {
            format!("すでに{}件が順番を待っています。ひとつ終わったら、もう一度押してください。", number(*limit))
        }
    }
}

fn file(problem: FileProblem) -> String {
    match problem {
        FileProblem::Missing => "ファイルが届きませんでした。選び直して、もう一度送ってください。".into(),
        FileProblem::Empty => "ファイルの中身が空です。別のものを選んでください。".into(),
        FileProblem::TooLarge(megabytes) => {
            format!("{}MBを超えるファイルは使えません。小さくしてから送ってください。", number(megabytes))
        }
        FileProblem::TooWide(pixels) => {
            format!("一辺が{}ピクセルを超える画像は使えません。小さくしてから送ってください。", number(pixels))
        }
        FileProblem::Type => {
            "この種類のファイルは使えません。画像はPNG・JPEG・WebP、動画はMP4・WebM・MOV、音声はWAV・MP3・FLAC・Ogg・M4Aが使えます。"
                .into()
        }
        FileProblem::Damaged => "ファイルが壊れていて読み取れません。保存し直すか、別のものを選んでください。".into(),
        FileProblem::Interrupted => "ファイルが最後まで届きませんでした。もう一度送ってください。".into(),
        FileProblem::TooMany(most) => {
            format!("すでに{}件のファイルを受け取っているところです。ひとつ終わってから送ってください。", number(most))
        }
        FileProblem::Full => "保存できるファイルがいっぱいです。使わないものを削除してください。".into(),
        FileProblem::Address => "このアドレスは使えません。https:// で始まる、公開されたサイトのアドレスを入れてください。".into(),
        FileProblem::Unreachable => {
            "このアドレスからは取得できませんでした。ブラウザーで開けるか確かめるか、ファイルをアップロードしてください。".into()
        }
        FileProblem::Gone => "そのファイルはもうありません。選び直してください。".into(),
        FileProblem::InUse => "このファイルをもとに制作中です。終わってから削除してください。".into(),
    }
}

const fn kind(kind: StatementKind) -> &'static str {
    match kind {
        StatementKind::SignupGrant => "登録時のクレジット",
        StatementKind::Grant => "クレジットの追加",
        StatementKind::Capture => "画像の生成",
        StatementKind::Release => "支払いなし",
    }
}

const fn trouble(status: u16) -> Notice {
    match status {
        400 | 422 => Notice {
            title: "内容を受け取れませんでした",
            body: "読み取れないところがありました。戻って入力を確かめ、もう一度送ってください。支払いはありません。",
        },
        401 | 403 => Notice {
            title: "もう一度ログインしてください",
            body: "開いているページからの操作だと確かめられませんでした。ログインして、やり直してください。",
        },
        404 | 410 => Notice {
            title: "ここには何もありません", body: "アドレスが違うか、あなたには表示できないものです。"
        },
        405 => Notice {
            title: "その使い方はできません", body: "このアドレスは、別の方法で使うためのものです。"
        },
        408 => Notice {
            title: "時間内に届きませんでした",
            body: "通信が遅いのかもしれません。もう一度送ってください。クレジットは減っていません。",
        },
        413 => Notice {
            title: "一度に送れる大きさを超えています", body: "内容を小さくして、もう一度送ってください。"
        },
        429 => Notice {
            title: "少しだけお待ちください",
            body: "短い時間に多くの操作がありました。失われたものはなく、支払いもありません。少し待ってからお試しください。",
        },
        503 => Notice {
            title: "まもなく戻ります",
            body: "サーバーが混み合っているか、再起動しています。確保したクレジットは、画像になるか、あなたに戻るかのどちらかです。",
        },
        415 => Notice {
            title: "この形式は受け取れません",
            body: "このアドレスが受け取る形式と違いました。フォームかJSONで、形式を示して送ってください。支払いはありません。",
        },
        416 => Notice {
            title: "その部分はありません", body: "ファイルは、求められた範囲より短いものです。"
        },
        _ => Notice {
            title: "こちらの不具合です",
            body: "問題が起きたことを記録しました。クレジットは無事です。画像を保存できないかぎり、支払いはありません。",
        },
    }
}
