//! Grants: kept, listed, retired and revoked. Who may do what is not decided by them here.
use super::keys::Found;
use super::{Execute, Kms, SHORT_PAGE, principal};
use crate::call::Call;
use crate::database::{Statement, WriteError, number, text};
use crate::error::{ApiError, internal};
use crate::model::ErrorKind;
use crate::model::kms::*;
use crate::model::wire::Timestamp;
use crate::page::{Listing, most, wanted};
use data_encoding::HEXLOWER;
use rand::Rng;
use serde_json::json;
use sqlx::any::AnyRow;
use std::sync::Arc;

mod request;
mod token;

/// KMS developer guide, resource quotas: grants of a key.
const GRANTS_MAX: i64 = 50_000;

/// What is kept of a grant: its list entry, as JSON.
fn entry(row: &AnyRow) -> Result<GrantListEntry, ApiError> {
    serde_json::from_str(&text(row, 0)?).map_err(|e| internal("a grant's record", e))
}

impl CreateGrantRequest {
    fn into_entry(self, found: &Found, call: &Call, id: &str, now_ms: i64) -> GrantListEntry {
        GrantListEntry {
            key_id: Some(found.arn.clone()),
            grant_id: Some(id.to_owned()),
            name: self.name,
            creation_date: Some(Timestamp::from_ms(now_ms)),
            grantee_principal: self.grantee_principal,
            retiring_principal: self.retiring_principal,
            issuing_account: Some(format!("arn:aws:iam::{}:root", call.account)),
            operations: self.operations,
            constraints: self.constraints,
            grantee_service_principal: self.grantee_service_principal,
            retiring_service_principal: self.retiring_service_principal,
        }
    }
}

fn dry_run() -> ApiError {
    ErrorKind::DryRunOperationException
        .with("The request would have succeeded, but the DryRun option is set.")
}

/// Whether a grant is what a retried request asks for.
fn same(entry: &GrantListEntry, other: &GrantListEntry) -> bool {
    let form = |entry: &GrantListEntry| {
        let mut json = serde_json::to_value(entry).unwrap_or_default();
        if let Some(members) = json.as_object_mut() {
            members.remove("GrantId");
            members.remove("CreationDate");
        }
        json
    };
    other.name.is_some() && form(entry) == form(other)
}

impl Execute for CreateGrantRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, self.key_id.as_deref().unwrap_or_default()).await?;
        self.admit(&found)?;
        if self.dry_run == Some(true) {
            return Err(dry_run());
        }
        let key_id = found.key.key_id.clone();
        let mut random = [0; 32];
        rand::rng().fill_bytes(&mut random);
        let id = HEXLOWER.encode(&random);
        let token = token::new(kms, &call.region, &id);
        let new = self.into_entry(&found, call, &id, kms.clock.now_ms());
        let _turn = kms.changing.take(&key_id).await;
        // A request with a name that is sent again makes no second grant, but another token.
        for row in kms.grants_named(&call.region, &key_id, new.name.as_deref()).await? {
            let there = entry(&row)?;
            if same(&there, &new) {
                let id = there.grant_id.unwrap_or_default();
                call.told.response = Some(json!({ "grantId": id, "keyId": found.arn }));
                let token = token::new(kms, &call.region, &id);
                return Ok(CreateGrantResponse { grant_token: Some(token), grant_id: Some(id) });
            }
        }
        let sql = "SELECT COUNT(*) FROM grants WHERE region = $1 AND key_id = $2";
        let of_key = [call.region.as_str().into(), key_id.as_str().into()];
        let count = kms.database.row(sql, of_key).await?.map_or(Ok(0), |row| number(&row, 0))?;
        if count >= GRANTS_MAX {
            return Err(ErrorKind::LimitExceededException
                .with(format!("{} has {GRANTS_MAX} grants already", found.arn)));
        }
        let document = serde_json::to_string(&new).map_err(|e| internal("JSON", e))?;
        let sql = "INSERT INTO grants (region, grant_id, key_id, name, token, retiring, document) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = [
            call.region.as_str().into(),
            id.as_str().into(),
            key_id.into(),
            new.name.clone().unwrap_or_default().into(),
            token.as_str().into(),
            new.retiring_principal.or(new.retiring_service_principal).unwrap_or_default().into(),
            document.into(),
        ];
        kms.database.write(vec![Statement::one(sql, values)]).await?;
        call.told.response = Some(json!({ "grantId": id, "keyId": found.arn }));
        Ok(CreateGrantResponse { grant_token: Some(token), grant_id: Some(id) })
    }
}

impl Kms {
    /// The grants of a key that have this name, in no order.
    async fn grants_named(
        &self,
        region: &str,
        key_id: &str,
        name: Option<&str>,
    ) -> Result<Vec<AnyRow>, ApiError> {
        let Some(name) = name else { return Ok(Vec::new()) };
        let sql = "SELECT document FROM grants \
                   WHERE region = $1 AND key_id = $2 AND name = $3";
        Ok(self.database.rows(sql, [region.into(), key_id.into(), name.into()]).await?)
    }

    /// The key's id and the grant's of a token. Earlier versions kept the one token of each grant.
    async fn grant_of(&self, region: &str, token: &str) -> Result<(String, String), ApiError> {
        let id = token::grant_id(self, region, token).unwrap_or_default();
        let sql = "SELECT key_id, grant_id FROM grants \
                   WHERE region = $1 AND (grant_id = $2 OR token = $3)";
        let row = self.database.row(sql, [region.into(), id.into(), token.into()]).await?;
        let row = row.ok_or_else(|| {
            ErrorKind::InvalidGrantTokenException.with("the grant token is not of a grant")
        })?;
        Ok((text(&row, 0)?, text(&row, 1)?))
    }

    async fn end_grant(
        &self,
        call: &Call,
        key_id: &str,
        grant_id: &str,
        dry: Option<bool>,
    ) -> Result<(), ApiError> {
        let values = || [call.region.as_str().into(), key_id.into(), grant_id.into()];
        let sql = "SELECT grant_id FROM grants WHERE region = $1 AND key_id = $2 AND grant_id = $3";
        let missing = || {
            ErrorKind::NotFoundException
                .with(format!("Grant ID {grant_id} not found for {}", call.key_arn(key_id)))
        };
        self.database.row(sql, values()).await?.ok_or_else(missing)?;
        if dry == Some(true) {
            return Err(dry_run());
        }
        let sql = "DELETE FROM grants WHERE region = $1 AND key_id = $2 AND grant_id = $3";
        match self.database.write(vec![Statement::one(sql, values())]).await {
            Ok(()) => Ok(()),
            Err(WriteError::Conflict) => Err(missing()),
            Err(failed) => Err(failed.into()),
        }
    }
}

impl Execute for RevokeGrantRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        let grant_id = self.grant_id.unwrap_or_default();
        kms.end_grant(call, &found.key.key_id, &grant_id, self.dry_run).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for RetireGrantRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let (key_id, grant_id) = match (self.grant_token, self.key_id, self.grant_id) {
            (Some(token), None, None) => kms.grant_of(&call.region, &token).await?,
            (None, Some(name), Some(grant_id)) => {
                (kms.find::<Self>(call, &name).await?.key.key_id.clone(), grant_id)
            }
            _ => {
                return Err(ErrorKind::ValidationException
                    .with("give either GrantToken, or KeyId and GrantId"));
            }
        };
        kms.end_grant(call, &key_id, &grant_id, self.dry_run).await?;
        Ok(Self::Output::default())
    }
}

fn answer(
    list: &Listing,
    rows: Vec<AnyRow>,
    most: usize,
    fits: impl Fn(&GrantListEntry) -> bool,
) -> Result<ListGrantsResponse, ApiError> {
    let grants = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let page = list.page(grants, most, |grant| grant.grant_id.clone().unwrap_or_default());
    Ok(ListGrantsResponse {
        grants: Some(page.items.into_iter().filter(fits).collect()),
        next_marker: page.next,
        truncated: Some(page.truncated),
    })
}

impl Execute for ListGrantsRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        let key_id = found.key.key_id.as_str();
        let (list, most) =
            (Listing::of::<Self>(&call.region, key_id), most(self.limit, SHORT_PAGE));
        let sql = "SELECT document FROM grants WHERE region = $1 AND key_id = $2 \
                   AND grant_id > $3 AND ($4 = '' OR grant_id = $4) ORDER BY grant_id LIMIT $5";
        let values = [
            call.region.as_str().into(),
            key_id.into(),
            list.after(self.marker.as_deref())?.into(),
            self.grant_id.unwrap_or_default().into(),
            wanted(most).into(),
        ];
        let rows = kms.database.rows(sql, values).await?;
        let (grantee, service) = (self.grantee_principal, self.grantee_service_principal);
        let fits = |grant: &GrantListEntry| {
            (grantee.is_none() || grant.grantee_principal == grantee)
                && (service.is_none() || grant.grantee_service_principal == service)
        };
        answer(&list, rows, most, fits)
    }
}

impl Execute for ListRetirableGrantsRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let retiring = match (self.retiring_principal, self.retiring_service_principal) {
            (Some(principal), None) => {
                principal::checked(Some(&principal))?;
                principal
            }
            (None, Some(service)) => service,
            _ => {
                return Err(ErrorKind::ValidationException.with(
                    "Specify RetiringPrincipal or RetiringServicePrincipal, and one of them.",
                ));
            }
        };
        let (list, most) =
            (Listing::of::<Self>(&call.region, &retiring), most(self.limit, SHORT_PAGE));
        let sql = "SELECT document FROM grants WHERE region = $1 AND retiring = $2 \
                   AND grant_id > $3 ORDER BY grant_id LIMIT $4";
        let values = [
            call.region.as_str().into(),
            retiring.into(),
            list.after(self.marker.as_deref())?.into(),
            wanted(most).into(),
        ];
        answer(&list, kms.database.rows(sql, values).await?, most, |_| true)
    }
}
