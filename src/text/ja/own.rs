//! Models on servers of the operator's own, Japanese.

use super::super::page::OwnText;
use crate::domain::catalogue::{AddProblem, Health};

pub(super) const OWN: OwnText = OwnText {
    server: "Cogサーバーのアドレス",
    server_hint: "自分のモデルのときだけ入れてください。Replicateではなくそのサーバーで動き、名前は自由に決められます。",
    own: "自前サーバー",
    address: "サーバー",
    health_label: "サーバーの様子",
    health,
    read_again: "入力項目を読み直す",
    reread: "サーバーから読み直しました。",
    unread,
};

const fn health(health: Health) -> &'static str {
    match health {
        Health::Ready => "待機中",
        Health::Busy => "実行中",
        Health::Starting => "モデルを読み込み中",
        Health::Broken => "動けません。サーバーのログを見てください",
        Health::Away => "返事がありません",
    }
}

const fn unread(problem: AddProblem) -> &'static str {
    match problem {
        AddProblem::ServerUndescribed => "サーバーに入力の説明がありません。何も変えていません。",
        _ => "サーバーから返事がありません。何も変えていません。動いているか確かめて、もう一度お試しください。",
    }
}
