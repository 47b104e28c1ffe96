"""What AWS's XGBoost container does with a request, after its public description: Flask under gunicorn, CSV to DMatrix.

`gunicorn bench.aws_stack:app` with the model's path in BENCH_MODEL.
"""

from __future__ import annotations

import csv
import os

import flask
import numpy as np
import xgboost

booster = xgboost.Booster(params={"nthread": 1})
booster.load_model(os.environ["BENCH_MODEL"])
app = flask.Flask(__name__)


@app.get("/ping")
def ping() -> flask.Response:
    return flask.Response(status=200)


@app.post("/invocations")
def invocations() -> flask.Response:
    text = flask.request.get_data().decode().strip()
    delimiter = csv.Sniffer().sniff(text.split("\n")[0][:512]).delimiter
    rows = [[cell or "nan" for cell in line.split(delimiter)] for line in text.split("\n")]
    scores = booster.predict(xgboost.DMatrix(np.array(rows).astype(float)))
    return flask.Response("\n".join(map(str, scores)), mimetype="text/csv")
