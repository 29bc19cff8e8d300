# Learns a linear model with a polynomial of the flipper's length; the first column of the data is the target.
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
source("/opt/program/R/model.R")

main <- function() {
  settings <- jsonlite::fromJSON("/opt/ml/input/config/hyperparameters.json")
  degree <- as.integer(if (is.null(settings$degree)) 1 else settings$degree)
  train <- channel("train")
  validation <- channel("validation")
  model <- learn(train, degree)
  error <- mean(abs(estimate(model, validation[-1]) - validation[[1]]))
  cat(sprintf("validation-mae=%.6f\n", error))
  saveRDS(model, "/opt/ml/model/model.rds")
}

channel <- function(name) {
  files <- list.files(file.path("/opt/ml/input/data", name), pattern = "\\.csv$", full.names = TRUE)
  if (length(files) == 0) stop(sprintf("the channel %s holds no CSV file", name))
  do.call(rbind, lapply(files, read.csv, na.strings = ""))
}

# SageMaker shows the user what stands in this file.
tryCatch(main(), error = function(problem) {
  writeLines(conditionMessage(problem), "/opt/ml/output/failure")
  message(conditionMessage(problem))
  quit(status = 1)
})
