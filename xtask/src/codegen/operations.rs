//! What each operation takes, gives and refuses with, and the way from its name to it.
use super::Service;
use super::model::Model;
use std::fmt::Write;

pub(super) fn text(service: &Service, model: &Model) -> String {
    let (mut operations, mut arms, mut trials) = (String::new(), String::new(), String::new());
    for (name, operation) in &model.operations {
        let input = &operation.input;
        let output = operation.output.as_deref().unwrap_or("Nothing");
        let errors: String = operation.errors.iter().map(|e| format!("ErrorKind::{e},")).collect();
        // Writing to a string does not fail.
        let _ = write!(
            operations,
            "impl Operation for {input} {{\nconst NAME: &'static str = \"{name}\";\n\
             const ERRORS: &'static [ErrorKind] = &[{errors}];\n\
             const MODEL: &'static str = MODEL;\ntype Output = {output};\n}}\n\n"
        );
        let _ = writeln!(arms, "\"{name}\" => run::<{input}>(body, {}, call).await,", service.name);
        let _ = writeln!(trials, "Trial::of::<{input}>(),");
    }
    let Service { name, state, .. } = service;
    format!(
        "\n{operations}\
         /// The answer of an operation by its name; none if there is no such operation.\n\
         pub(crate) async fn dispatch(\noperation: &str, body: &[u8], \
         {name}: &std::sync::Arc<{state}>, \
         call: &mut Call,\n) -> Option<Result<Vec<u8>, ApiError>> {{\n\
         Some(match operation {{\n{arms}_ => return None,\n}})\n}}\n\n\
         #[cfg(test)]\nuse super::trial::Trial;\n\n\
         #[cfg(test)]\npub(super) const TRIALS: &[Trial] = &[\n{trials}];\n"
    )
}
