//! How the domain's types travel to and from the database: ids and enums as text, amounts and moments as bigint.

use crate::domain::{
    AccountId, ApiKeyId, AspectRatio, CollectionId, Credits, Failure, FileId, GenerationId, KeyName, ModelName, OutputKind,
    PersonId, PredictionId, PresetId, PriceRule, RequestKey, Scopes, ShareId, State, Task, Timestamp,
};
use sqlx::any::{AnyTypeInfo, AnyValueRef};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Any, Decode, Encode, Type};

type Buffer<'q> = <Any as sqlx::Database>::ArgumentBuffer;

/// Stores `$type` as `$stored`, by a way to read it and a way to write it.
macro_rules! stored_as {
    ($stored:ty: $($type:ty, $write:expr, $read:expr;)*) => { $(
        impl Type<Any> for $type {
            fn type_info() -> AnyTypeInfo {
                <$stored as Type<Any>>::type_info()
            }

            fn compatible(info: &AnyTypeInfo) -> bool {
                <$stored as Type<Any>>::compatible(info)
            }
        }

        impl<'q> Encode<'q, Any> for $type {
            fn encode_by_ref(&self, buffer: &mut Buffer<'q>) -> Result<IsNull, BoxDynError> {
                let write: fn(&$type) -> $stored = $write;
                <$stored as Encode<'q, Any>>::encode(write(self), buffer)
            }
        }

        impl<'r> Decode<'r, Any> for $type {
            fn decode(value: AnyValueRef<'r>) -> Result<Self, BoxDynError> {
                let read: fn($stored) -> Option<$type> = $read;
                let stored = <$stored as Decode<'r, Any>>::decode(value)?;
                read(stored.clone()).ok_or_else(|| format!("{stored:?} is no {}", stringify!($type)).into())
            }
        }
    )* };
}

stored_as! { String:
    AccountId, |id| id.to_string(), |text| Some(AccountId::trusted(text));
    PresetId, |id| id.to_string(), |text| Some(PresetId::trusted(text));
    ApiKeyId, |id| id.to_string(), |text| Some(ApiKeyId::trusted(text));
    CollectionId, |id| id.to_string(), |text| Some(CollectionId::trusted(text));
    FileId, |id| id.to_string(), |text| Some(FileId::trusted(text));
    GenerationId, |id| id.to_string(), |text| Some(GenerationId::trusted(text));
    ModelName, |id| id.to_string(), |text| Some(ModelName::trusted(text));
    PersonId, |id| id.to_string(), |text| Some(PersonId::trusted(text));
    PredictionId, |id| id.to_string(), |text| Some(PredictionId::trusted(text));
    RequestKey, |id| id.to_string(), |text| Some(RequestKey::trusted(text));
    ShareId, |id| id.to_string(), |text| Some(ShareId::trusted(text));
    State, |state| state.as_str().to_owned(), |text| State::parse(&text);
    Failure, |class| class.as_str().to_owned(), |text| Failure::parse(&text);
    Scopes, |scopes| scopes.as_str().to_owned(), |text| Scopes::parse(&text);
    KeyName, |name| name.as_str().to_owned(), |text| Some(KeyName::trusted(text));
    PriceRule, |rule| rule.as_str().to_owned(), |text| PriceRule::parse(&text);
    OutputKind, |kind| kind.as_str().to_owned(), |text| OutputKind::parse(&text);
    Task, |task| task.as_str().to_owned(), |text| Task::parse(&text);
    AspectRatio, |ratio| ratio.as_str().to_owned(), |text| AspectRatio::parse(&text);
}

stored_as! { i64:
    Credits, |credits| credits.0, |amount| Some(Credits(amount));
    Timestamp, |at| at.0, |at| Some(Timestamp(at));
}
