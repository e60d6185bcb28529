//! モデルの一覧。使う人と、管理する人のために。

use super::super::page::{AdminText, CatalogueText, Notice};
use super::number;
use crate::domain::catalogue::{AddProblem, Looked, Usual, Wrong};
use crate::domain::{Model, PriceRule, Task};

pub(super) const CATALOGUE: CatalogueText = CatalogueText {
    search: "検索",
    task: "用途",
    any_task: "すべて",
    most: "値段",
    any_price: "指定なし",
    up_to: |n| format!("{}クレジットまで", number(n)),
    show: "表示する",
    everything: "すべてのモデルを見る",
    found: |n| format!("{}件", number(n)),
    nothing: Notice {
        title: "当てはまるモデルがありません",
        body: "すべての条件に合うものは見つかりませんでした。言葉を減らすか、値段の条件を外してみてください。",
    },
    task_name,
    price_of,
    usually,
    pinned: "バージョン固定",
    pinned_note: "いつも同じバージョンで動くので、同じ依頼からは同じものができます。",
    newer: "新しいバージョンあり",
    licence: "ライセンス",
    choose: "このモデルを使う",
    manage: "一覧を管理する",
};

pub(super) const ADMIN: AdminText = AdminText {
    title: "モデルの管理",
    shown: "利用者の画面を見る",
    back: "モデルの管理に戻る",
    add: Notice {
        title: "モデルを追加",
        body: "Replicateのアドレスにある所有者名とモデル名を入れてください。値段を決めると、公開できるようになります。",
    },
    name: "モデル名（owner/name）",
    add_it: "追加する",
    look_all: "新しいバージョンを調べる",
    look: "新しいバージョンを調べる",
    move_on: "新しいバージョンに移る",
    model: "モデル",
    price: "値段",
    version: "バージョン",
    newest: "新しいバージョン",
    state: "状態",
    offered: "公開中",
    not_offered: "非公開",
    by_name: "名前で実行",
    edit: "編集する",
    label: "表示名（英語）",
    label_ja: "表示名（日本語）",
    description: "ひとこと（英語）",
    description_ja: "ひとこと（日本語）",
    task: "用途",
    rule: "数え方",
    rule_name,
    unit_price: "ひとつあたりのクレジット",
    max_count: "一度に頼める数の上限",
    max_seconds: "一度に頼める秒数の上限",
    max_seconds_note: "秒で数えるときだけ使います。この秒数ぶんを確保します。",
    place: "並び順",
    enabled: "公開する",
    license_url: "ライセンスのアドレス",
    endpoint: "自前サーバーのアドレス",
    endpoint_note: "Cogサーバーのアドレスです（例：http://10.0.0.7:5000）。空のままなら、Replicateで実行します。",
    maxima: Notice {
        title: "設定できる上限",
        body: "空欄なら、モデル自身の上限のままです。モデルの標準の値より小さくはできません。",
    },
    setting: "設定",
    takes: "モデルの範囲",
    by_itself: "標準の値",
    house: "ここでの上限",
    save: "保存する",
    saved: "保存しました。すでに受けた依頼の値段は変わりません。",
    added: "追加しました。まだ公開していません。値段を確かめてから公開してください。",
    summary: "保存していません。印の付いたところを確かめてください。",
    wrong,
    add_problem,
    looked,
    nothing_newer: "ここで使っているものより新しいバージョンはありません。",
    moved: "新しいバージョンに移りました。",
    moved_same: "受け取るものも、作るものも、前と同じです。",
    appeared: |names| format!("増えた設定：{}", names.join("、")),
    disappeared: |names| format!("なくなった設定：{}", names.join("、")),
    differ: |names| format!("変わった設定：{}", names.join("、")),
    dropped: |names| format!("対象がなくなった上限：{}", names.join("、")),
    other_output: "作るものの種類が変わりました。用途と数え方を確かめてください。",
    undescribed: "新しいバージョンには受け取るものの説明がありません。何も変わっていません。",
    away: "Replicateから返事がありませんでした。何も変わっていません。もう一度お試しください。",
    log: "変更の記録",
    log_empty: "まだ何も変更されていません。",
    when: "日時",
    who: "変更した人",
    what: "内容",
    operator: "サーバーでのコマンド",
    action,
};

const fn task_name(task: Task) -> &'static str {
    match task {
        Task::Image => "画像",
        Task::Edit => "画像の編集",
        Task::Upscale => "画像の拡大",
        Task::Video => "動画",
        Task::Audio => "音声",
        Task::Text => "文章",
        Task::Data => "データ",
    }
}

fn price_of(model: &Model) -> String {
    let unit = model.price.unit.0;
    let one = format!("{}クレジット", number(unit));
    match (model.price.rule, model.task) {
        (PriceRule::Run, _) => format!("1回{one}"),
        (PriceRule::Output, Task::Image | Task::Edit | Task::Upscale) => format!("1枚{one}"),
        (PriceRule::Output, _) => format!("1件{one}"),
        (PriceRule::Second, _) => format!("1秒{one}、最大{}", number(unit.saturating_mul(model.max_seconds.max(1)))),
    }
}

fn usually(usual: Usual) -> String {
    let minutes = |seconds: i64| (seconds + 59) / 60;
    match usual {
        Usual { from, to } if from == to && to < 120 => format!("通常{to}秒"),
        Usual { from, to } if to < 120 => format!("通常{from}〜{to}秒"),
        Usual { from, to } if minutes(from) == minutes(to) => format!("通常{}分", minutes(to)),
        Usual { from, to } => format!("通常{}〜{}分", minutes(from), minutes(to)),
    }
}

const fn rule_name(rule: PriceRule) -> &'static str {
    match rule {
        PriceRule::Run => "1回ごと（作るものによらず）",
        PriceRule::Output => "保存できた1件ごと",
        PriceRule::Second => "保存できた1秒ごと",
    }
}

fn wrong(wrong: &Wrong) -> String {
    match wrong {
        Wrong::Missing => "入力がありません。".into(),
        Wrong::TooLong(most) => format!("長すぎます。{}文字以内にしてください。", number(*most)),
        Wrong::NotWhole(least, most) => format!("{}から{}までの整数にしてください。", number(*least), number(*most)),
        Wrong::NotNumber => "この設定に使える数ではありません。".into(),
        Wrong::TooSmall(least) => format!("モデルには{least}以上が必要です。"),
        Wrong::Unknown => "選択肢の中から選んでください。".into(),
        Wrong::NotAnAddress => "アドレスとして読めません。https://で始めてください。".into(),
    }
}

const fn add_problem(problem: AddProblem) -> &'static str {
    match problem {
        AddProblem::Name => "owner/nameの形になっていません。例：black-forest-labs/flux-schnell",
        AddProblem::Known => "このモデルはすでに一覧にあります。",
        AddProblem::Unknown => {
            "Replicateに見当たりません。両方の名前を確かめてください。ほかの人の非公開モデルも見つかりません。"
        }
        AddProblem::Private => "非公開のモデルです。急に使えなくなることがあるので、公開するか別のものを選んでください。",
        AddProblem::Undescribed => "何を受け取るかの説明がないモデルなので、入力欄を作れません。",
        AddProblem::Away => "Replicateから返事がありませんでした。追加していません。少し待ってからお試しください。",
        AddProblem::Endpoint => "サーバーのアドレスの形になっていません。例：http://10.0.0.7:5000",
        AddProblem::ServerAway => "このアドレスのCogサーバーから返事がありません。アドレスと、動いているかを確かめてください。",
        AddProblem::ServerUndescribed => "このサーバーには入力の説明がありません。cog buildで作り直すと付きます。",
    }
}

fn looked(looked: &Looked) -> String {
    let newer = match looked.newer {
        0 => "新しいバージョンはありません。".to_owned(),
        some => format!("新しいバージョンがあるのは{}件です。", number(some)),
    };
    let silent = match looked.silent {
        0 => String::new(),
        silent => format!("{}件については返事がありませんでした。", number(silent)),
    };
    format!("{}件を調べました。{newer}{silent}", number(looked.asked))
}

fn action(action: &str) -> &'static str {
    match action {
        "model.added" => "追加",
        "model.looked" => "新しいバージョン",
        "model.moved" => "バージョンの移行",
        _ => "変更",
    }
}
