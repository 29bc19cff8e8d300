# Answers /ping and /invocations on port 8080: rows as CSV without a header, in the order of the training data.
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
source("/opt/program/R/model.R")

model <- readRDS("/opt/ml/model/model.rds")

answer <- function(request) {
  path <- paste(request$REQUEST_METHOD, request$PATH_INFO)
  switch(path,
    "GET /ping" = reply(200L, ""),
    "POST /invocations" = tryCatch(
      reply(200L, respond(rawToChar(request$rook.input$read()))),
      # Only what is wrong with the rows ends here, so it is the client's fault and no 5xx.
      error = function(problem) reply(400L, paste0(conditionMessage(problem), "\n"))
    ),
    reply(404L, sprintf("there is no %s\n", path))
  )
}

reply <- function(status, text) {
  list(status = status, headers = list("Content-Type" = "text/csv"), body = text)
}

respond <- function(text) {
  rows <- read.csv(text = text, header = FALSE, na.strings = "", stringsAsFactors = FALSE)
  if (ncol(rows) != length(model$names)) {
    stop(sprintf("a row needs %d values (%s), not %d", length(model$names),
                 paste(model$names, collapse = ", "), ncol(rows)))
  }
  paste0(paste(format(estimate(model, rows), digits = 15, trim = TRUE), collapse = "\n"), "\n")
}

httpuv::runServer("0.0.0.0", 8080, list(call = answer))
