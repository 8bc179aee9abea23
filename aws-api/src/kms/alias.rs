//! Names for KMS keys.
use super::{Execute, Kms, SHORT_PAGE};
use crate::call::Call;
use crate::database::{Statement, WriteError, number, text};
use crate::error::ApiError;
use crate::model::ErrorKind;
use crate::model::kms::*;
use crate::model::wire::Timestamp;
use crate::page::{Listing, most, wanted};
use std::sync::Arc;

/// KMS developer guide, resource quotas: aliases of a key.
const ALIASES_MAX: i64 = 50;

/// What every alias name must be (pattern and length are the model's).
fn checked(name: Option<String>) -> Result<String, ApiError> {
    let name = name.unwrap_or_default();
    if !name.starts_with("alias/") || name == "alias/" {
        return Err(ErrorKind::ValidationException.with(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    }
    if name.contains(':') {
        return Err(ErrorKind::ValidationException
            .with(format!("{name} contains invalid characters for an alias")));
    }
    Ok(name)
}

fn not_reserved(name: &str) -> Result<(), ApiError> {
    if name.starts_with("alias/aws/") {
        return Err(ErrorKind::InvalidAliasNameException
            .with("names that begin with alias/aws/ are reserved for AWS"));
    }
    Ok(())
}

impl Execute for CreateAliasRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let name = checked(self.alias_name)?;
        not_reserved(&name)?;
        let found = kms.find::<Self>(call, &self.target_key_id.unwrap_or_default()).await?;
        found.not_pending()?;
        let _turn = kms.changing.take(&found.key.key_id).await;
        let sql = "SELECT COUNT(*) FROM aliases WHERE region = $1 AND key_id = $2";
        let of_key = [call.region.as_str().into(), found.key.key_id.as_str().into()];
        let count = kms.database.row(sql, of_key).await?.map_or(Ok(0), |row| number(&row, 0))?;
        if count >= ALIASES_MAX {
            return Err(ErrorKind::LimitExceededException
                .with(format!("{} has {ALIASES_MAX} aliases already", found.arn)));
        }
        let sql = "INSERT INTO aliases (region, name, key_id, created_at, updated_at) \
                   VALUES ($1, $2, $3, $4, $4)";
        let values = [
            call.region.as_str().into(),
            name.as_str().into(),
            found.key.key_id.as_str().into(),
            kms.clock.now_ms().into(),
        ];
        match kms.database.write(vec![Statement::one(sql, values)]).await {
            Ok(()) => Ok(Self::Output::default()),
            Err(WriteError::Conflict) => {
                let arn = call.alias_arn(&name);
                Err(ErrorKind::AlreadyExistsException
                    .with(format!("An alias with the name {arn} already exists")))
            }
            Err(failed) => Err(failed.into()),
        }
    }
}

impl Execute for UpdateAliasRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let name = checked(self.alias_name)?;
        let found = kms.find::<Self>(call, &self.target_key_id.unwrap_or_default()).await?;
        found.not_pending()?;
        let sql = "UPDATE aliases SET key_id = $1, updated_at = $2 WHERE region = $3 AND name = $4";
        let values = [
            found.key.key_id.as_str().into(),
            kms.clock.now_ms().into(),
            call.region.as_str().into(),
            name.as_str().into(),
        ];
        kms.change_alias(call, &name, Statement::one(sql, values)).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for DeleteAliasRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let name = checked(self.alias_name)?;
        let sql = "DELETE FROM aliases WHERE region = $1 AND name = $2";
        let values = [call.region.as_str().into(), name.as_str().into()];
        kms.change_alias(call, &name, Statement::one(sql, values)).await?;
        Ok(Self::Output::default())
    }
}

impl Kms {
    async fn change_alias(
        &self,
        call: &Call,
        name: &str,
        statement: Statement,
    ) -> Result<(), ApiError> {
        match self.database.write(vec![statement]).await {
            Ok(()) => {
                self.keys.forget_alias(&call.region, name);
                Ok(())
            }
            Err(WriteError::Conflict) => {
                let arn = call.alias_arn(name);
                Err(ErrorKind::NotFoundException.with(format!("Alias {arn} is not found.")))
            }
            Err(failed) => Err(failed.into()),
        }
    }
}

impl Execute for ListAliasesRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let of_key = match &self.key_id {
            Some(name) => kms.find::<Self>(call, name).await?.key.key_id.clone(),
            None => String::new(),
        };
        let (list, most) =
            (Listing::of::<Self>(&call.region, &of_key), most(self.limit, SHORT_PAGE));
        let sql = "SELECT name, key_id, created_at, updated_at FROM aliases \
                   WHERE region = $1 AND name > $2 AND ($3 = '' OR key_id = $3) \
                   ORDER BY name LIMIT $4";
        let values = [
            call.region.as_str().into(),
            list.after(self.marker.as_deref())?.into(),
            of_key.into(),
            wanted(most).into(),
        ];
        let rows = kms.database.rows(sql, values).await?;
        let entry = |row| {
            let name = text(row, 0)?;
            Ok(AliasListEntry {
                alias_arn: Some(call.alias_arn(&name)),
                alias_name: Some(name),
                target_key_id: Some(text(row, 1)?),
                creation_date: Some(Timestamp::from_ms(number(row, 2)?)),
                last_updated_date: Some(Timestamp::from_ms(number(row, 3)?)),
            })
        };
        let entries = rows.iter().map(entry).collect::<Result<Vec<_>, sqlx::Error>>()?;
        let name = |entry: &AliasListEntry| entry.alias_name.clone().unwrap_or_default();
        let page = list.page(entries, most, name);
        Ok(ListAliasesResponse {
            aliases: Some(page.items),
            next_marker: page.next,
            truncated: Some(page.truncated),
        })
    }
}
