# The state machines. Each begins with a plan: what the caller did not say follows from `as_of`.

locals {
  yesterday = "$fromMillis($toMillis($states.input.as_of) - 86400000, '[Y0001]-[M01]-[D01]')"

  # The day and the two before: what is decided again, or comes late, is logged under the day of the payment.
  compared = "[2, 1, 0].$fromMillis($toMillis($plan.day & 'T00:00:00Z') - $ * 86400000, '[Y0001]-[M01]-[D01]')"

  glue_step = {
    for job, name in var.jobs : job => {
      Type       = "Task"
      Resource   = "arn:aws:states:::glue:startJobRun.sync"
      ResultPath = null
    }
  }

  # What came and what was decided becomes known to Athena: a crawler each, started and waited for.
  crawls = {
    for what, name in var.crawlers : what => {
      StartAt = "Crawl${title(what)}"
      States = {
        "Crawl${title(what)}" = {
          Type       = "Task"
          Resource   = "arn:aws:states:::aws-sdk:glue:startCrawler"
          Parameters = { Name = name }
          Catch      = [{ ErrorEquals = ["Glue.CrawlerRunningException"], Next = "Let${title(what)}Run", ResultPath = null }]
          ResultPath = null
          Next       = "Let${title(what)}Run"
        }
        "Let${title(what)}Run" = { Type = "Wait", Seconds = 3, Next = "Ask${title(what)}Crawler" }
        "Ask${title(what)}Crawler" = {
          Type       = "Task"
          Resource   = "arn:aws:states:::aws-sdk:glue:getCrawler"
          Parameters = { Name = name }
          ResultPath = "$.crawler"
          Next       = "${title(what)}Crawled"
        }
        "${title(what)}Crawled" = {
          Type    = "Choice"
          Choices = [{ Variable = "$.crawler.Crawler.State", StringEquals = "READY", Next = "${title(what)}Known" }]
          Default = "Let${title(what)}Run"
        }
        "${title(what)}Known" = { Type = "Succeed" }
      }
    }
  }

  nightly = {
    Comment = "RAW to GOLD and to the feature store for one batch, then the parity check and the seal of the decision log"
    StartAt = "Plan"
    States = {
      Plan = {
        Type          = "Pass"
        QueryLanguage = "JSONata"
        Output        = "{% ($yesterday := ${local.yesterday}; $plan := $merge([{'batch': $yesterday, 'day': $yesterday}, $states.input]); $merge([$plan, {'days': ${local.compared}}])) %}"
        Next          = "RawToBronze"
      }
      RawToBronze = merge(local.glue_step["raw_to_bronze"], {
        Parameters = { JobName = var.jobs["raw_to_bronze"], Arguments = { "--batch.$" = "$.batch" } }
        Next       = "BronzeToSilver"
      })
      BronzeToSilver = merge(local.glue_step["bronze_to_silver"], {
        Parameters = { JobName = var.jobs["bronze_to_silver"], Arguments = { "--batch.$" = "$.batch" } }
        Next       = "SilverToGold"
      })
      SilverToGold = merge(local.glue_step["silver_to_gold"], {
        Parameters = { JobName = var.jobs["silver_to_gold"], Arguments = { "--batch.$" = "$.batch" } }
        Next       = "PublishAndCheck"
      })
      PublishAndCheck = {
        Type       = "Parallel"
        ResultPath = null
        End        = true
        Branches = concat([
          {
            StartAt = "PublishFeatures"
            States = {
              PublishFeatures = merge(local.glue_step["publish_features"], {
                Parameters = { JobName = var.jobs["publish_features"], Arguments = { "--batch.$" = "$.batch", "--as_of.$" = "$.as_of" } }
                End        = true
              })
            }
          },
          {
            StartAt = "CompareDays"
            States = {
              # One after another, each with a report of its own: a day's report is always of all that is logged of it.
              CompareDays = {
                Type           = "Map"
                ItemsPath      = "$.days"
                ItemSelector   = { "day.$" = "$$.Map.Item.Value" }
                MaxConcurrency = 1
                ItemProcessor = {
                  StartAt = "FindDecisions"
                  States = {
                    FindDecisions = {
                      Type     = "Task"
                      Resource = "arn:aws:states:::aws-sdk:s3:listObjectsV2"
                      Parameters = {
                        Bucket     = var.lake.name
                        MaxKeys    = 1
                        "Prefix.$" = "States.Format('decisions/decision_date={}/', $.day)"
                      }
                      ResultPath = "$.decisions"
                      Next       = "AnyDecisions"
                    }
                    AnyDecisions = {
                      Type    = "Choice"
                      Choices = [{ Variable = "$.decisions.Contents", IsPresent = true, Next = "CheckParity" }]
                      Default = "NothingServed"
                    }
                    CheckParity = merge(local.glue_step["check_parity"], {
                      Parameters = { JobName = var.jobs["check_parity"], Arguments = { "--from.$" = "$.day", "--to.$" = "$.day" } }
                      End        = true
                    })
                    NothingServed = { Type = "Succeed" }
                  }
                }
                ResultPath = null
                Next       = "Seal"
              }
              # A day without decisions is sealed, too: nobody can bring some later.
              Seal = {
                Type       = "Task"
                Resource   = "arn:aws:states:::lambda:invoke"
                Parameters = { FunctionName = module.seal.arn, Payload = { "day.$" = "$.day" } }
                ResultPath = null
                End        = true
              }
            }
          },
        ], values(local.crawls))
      }
    }
  }

  release_step = {
    Type           = "Task"
    Resource       = "arn:aws:states:::aws-sdk:ssm:getParameter"
    ResultSelector = { "release.$" = "States.StringToJson($.Parameter.Value)" }
    ResultPath     = "$.current"
  }

  processing = {
    RoleArn             = var.execution_role_arn
    ProcessingResources = { ClusterConfig = { InstanceCount = 1, InstanceType = var.instance_type, VolumeSizeInGB = 30 } }
    StoppingCondition   = { MaxRuntimeInSeconds = 3600 }
  }

  # Inputs of our processing jobs: the code, and what the job reads.
  input = {
    for name in ["code", "features", "model", "decisions"] : name => {
      LocalPath              = "/opt/ml/processing/input/${name}"
      S3DataType             = "S3Prefix"
      S3InputMode            = "File"
      S3DataDistributionType = "FullyReplicated"
    }
  }

  score_loans = {
    Comment = "Probability of default for the month's loan applications, by the approved credit model"
    StartAt = "Plan"
    States = {
      Plan = {
        Type          = "Pass"
        QueryLanguage = "JSONata"
        Output        = "{% $merge([{'month': $substring(${local.yesterday}, 0, 7)}, $states.input]) %}"
        Next          = "FindRelease"
      }
      FindRelease = merge(local.release_step, {
        Parameters = { Name = "/${var.prefix}/credit/release" }
        Next       = "Released"
      })
      Released = {
        Type    = "Choice"
        Choices = [{ Variable = "$.current.release.model_name", IsString = true, Next = "ScoreSet" }]
        Default = "NothingReleased"
      }
      NothingReleased = { Type = "Fail", Error = "NothingReleased", Cause = "No credit model was approved yet; approve a package of ${var.prefix}-credit" }
      ScoreSet = {
        Type       = "Task"
        Resource   = "arn:aws:states:::sagemaker:createProcessingJob.sync"
        ResultPath = null
        Parameters = merge(local.processing, {
          "ProcessingJobName.$" = "States.Format('${var.prefix}-score-set-{}', $$.Execution.Name)"
          AppSpecification = {
            ImageUri               = var.image
            ContainerEntrypoint    = ["process", "training.score_set"]
            "ContainerArguments.$" = "States.Array('--month', $.month)"
          }
          ProcessingInputs = [
            { InputName = "code", S3Input = merge(local.input["code"], { S3Uri = var.code_uri }) },
            { InputName = "features", S3Input = merge(local.input["features"], { S3Uri = "s3://${var.lake.name}/gold/loan_features/" }) },
            { InputName = "model", S3Input = merge(local.input["model"], { "S3Uri.$" = "$.current.release.model_data" }) },
          ]
          ProcessingOutputConfig = {
            Outputs = [{
              OutputName = "rows"
              S3Output = {
                LocalPath    = "/opt/ml/processing/output/rows"
                S3UploadMode = "EndOfJob"
                "S3Uri.$"    = "States.Format('s3://${var.lake.name}/training/scoring/{}/', $.month)"
              }
            }]
          }
        })
        Next = "Transform"
      }
      Transform = {
        Type       = "Task"
        Resource   = "arn:aws:states:::sagemaker:createTransformJob.sync"
        ResultPath = null
        Parameters = {
          "TransformJobName.$" = "States.Format('${var.prefix}-score-loans-{}', $$.Execution.Name)"
          "ModelName.$"        = "$.current.release.model_name"
          BatchStrategy        = "MultiRecord"
          MaxPayloadInMB       = 6
          TransformInput = {
            ContentType = "text/csv"
            SplitType   = "Line"
            DataSource  = { S3DataSource = { S3DataType = "S3Prefix", "S3Uri.$" = "States.Format('s3://${var.lake.name}/training/scoring/{}/', $.month)" } }
          }
          TransformOutput = {
            "S3OutputPath.$" = "States.Format('s3://${var.lake.name}/predictions/month={}/', $.month)"
            Accept           = "text/csv"
            AssembleWith     = "Line"
          }
          # customer_id and loan_id stay out of the model and come back beside its answer.
          DataProcessing     = { InputFilter = "$[2:]", JoinSource = "Input", OutputFilter = "$[0,1,-1]" }
          TransformResources = { InstanceCount = 1, InstanceType = var.instance_type }
        }
        Next = "MakeKnown"
      }
      MakeKnown = {
        Type       = "Task"
        Resource   = "arn:aws:states:::athena:startQueryExecution.sync"
        ResultPath = null
        Parameters = {
          WorkGroup             = var.athena_workgroup.name
          QueryExecutionContext = { Database = var.athena_workgroup.predictions_database }
          "QueryString.$"       = "States.Format('ALTER TABLE predictions ADD IF NOT EXISTS PARTITION (month=\\'{}\\') LOCATION \\'s3://${var.lake.name}/predictions/month={}/\\'', $.month, $.month)"
        }
        End = true
      }
    }
  }

  drift = {
    Comment = "PSI of a day's decisions against the training baseline of the model that serves"
    StartAt = "Plan"
    States = {
      Plan = {
        Type          = "Pass"
        QueryLanguage = "JSONata"
        Output        = "{% $merge([{'day': ${local.yesterday}}, $states.input]) %}"
        Next          = "FindRelease"
      }
      FindRelease = merge(local.release_step, {
        Parameters = { Name = "/${var.prefix}/fraud/release" }
        Next       = "Released"
      })
      Released = {
        Type    = "Choice"
        Choices = [{ Variable = "$.current.release.model_data", IsString = true, Next = "Compare" }]
        Default = "NothingReleased"
      }
      NothingReleased = { Type = "Fail", Error = "NothingReleased", Cause = "The bootstrap model has no training baseline; approve a package of ${var.prefix}-fraud" }
      Compare = {
        Type     = "Task"
        Resource = "arn:aws:states:::sagemaker:createProcessingJob.sync"
        Parameters = merge(local.processing, {
          "ProcessingJobName.$" = "States.Format('${var.prefix}-drift-{}', $$.Execution.Name)"
          AppSpecification = {
            ImageUri            = var.image
            ContainerEntrypoint = ["process", "training.drift"]
            ContainerArguments  = ["--namespace", var.namespace]
          }
          ProcessingInputs = [
            { InputName = "code", S3Input = merge(local.input["code"], { S3Uri = var.code_uri }) },
            { InputName = "decisions", S3Input = merge(local.input["decisions"], { "S3Uri.$" = "States.Format('s3://${var.lake.name}/decisions/decision_date={}/', $.day)" }) },
            { InputName = "model", S3Input = merge(local.input["model"], { "S3Uri.$" = "$.current.release.model_data" }) },
          ]
          ProcessingOutputConfig = {
            Outputs = [{
              OutputName = "drift"
              S3Output = {
                LocalPath    = "/opt/ml/processing/output/drift"
                S3UploadMode = "EndOfJob"
                "S3Uri.$"    = "States.Format('s3://${var.lake.name}/monitoring/drift/{}/', $.day)"
              }
            }]
          }
        })
        End = true
      }
    }
  }
}
