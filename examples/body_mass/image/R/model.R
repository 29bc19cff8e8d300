# The model: a linear one, whose missing values are replaced by what is typical.

learn <- function(data, degree) {
  features <- data[-1]
  typical <- lapply(features, function(column) {
    if (is.numeric(column)) median(column, na.rm = TRUE) else names(which.max(table(column)))
  })
  levels <- lapply(features, function(column) if (is.numeric(column)) NULL else sort(unique(column)))
  model <- list(names = names(features), typical = typical, levels = levels, degree = degree)
  target <- names(data)[1]
  rows <- complete(model, features)
  rows[[target]] <- data[[target]]
  formula <- reformulate(terms_of(model, rows), response = target)
  model$fit <- lm(formula, rows)
  model$fit$model <- NULL # the training rows have no place in the artifact
  model
}

estimate <- function(model, features) {
  names(features) <- model$names
  unname(predict(model$fit, complete(model, features)))
}

# Every value there and of its type; a category that was not seen counts as missing.
complete <- function(model, features) {
  for (name in model$names) {
    known <- model$levels[[name]]
    column <- features[[name]]
    if (is.null(known)) {
      column <- suppressWarnings(as.numeric(column))
    } else {
      column <- as.character(column)
      column[!(column %in% known)] <- NA
    }
    column[is.na(column)] <- model$typical[[name]]
    features[[name]] <- if (is.null(known)) column else factor(column, levels = known)
  }
  features
}

terms_of <- function(model, rows) {
  vapply(model$names, function(name) {
    curved <- model$degree > 1 && is.numeric(rows[[name]]) && length(unique(rows[[name]])) > model$degree + 2
    if (curved) sprintf("poly(%s, %d)", name, model$degree) else name
  }, "")
}
