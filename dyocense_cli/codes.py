"""Every error code, with its title; `docs/reference/errors.md` is generated from this table.

Ranges: 10xx command line and settings · 20xx files and YAML · 21xx schema of goal, context and model files ·
22xx language and compiler · 23xx context tables · 24xx solving and planning · 25xx forecast and scenarios ·
26xx golden tests · 30xx policy · 31xx accounts, quotas, budgets · 40xx adapters in general · 41xx solvers ·
42xx policy engines · 43xx stores · 44xx graphs and vectors · 45xx queue and database · 46xx forecasters · 47xx sandbox ·
50xx stores and replay · 90xx bugs.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CODES"]

CODES: Final[dict[str, str]] = {
    # 10xx command line and settings
    "DY1010": "a key of --set is not a place in the goal",
    "DY1011": "a value of --set is wrong",
    "DY1012": "a key of --set names no cells of a table",
    "DY1001": "no such command or option, or a wrong argument",
    "DY1002": "--set is not key=value",
    "DY1003": "no completion for this shell",
    "DY1004": "options that do not go together",
    "DY1005": "no such template",
    "DY1006": "a file is there already",
    "DY1007": "no run, or more than one, is meant",
    "DY1019": "no such export format or pass",
    "DY1020": "--pareto takes two terms",
    "DY1022": "no such selector",
    "DY1023": "no earlier plan to stay near to",
    "DY1024": "not a share",
    "DY1008": "a run holds no model to solve",
    "DY1015": "dyocense.toml cannot be read",
    "DY1016": "unknown setting in dyocense.toml",
    "DY1017": "a setting has the wrong type",
    "DY1018": "options that exclude one another",
    "DY1014": "unknown tier",
    "DY1021": "unknown telemetry exporter",
    "DY1050": "the request body is too large or not JSON",
    "DY1051": "the request does not fit its schema",
    "DY1052": "no such page or method",
    "DY1053": "the body is of a type that is not taken",
    "DY1071": "the signing key cannot be used",
    "DY1072": "evidence has no such form",
    "DY1031": "a draft needs a reason",
    # 20xx files and YAML
    "DY2000": "the file has errors",
    "DY2001": "a path leads out of the project",
    "DY2002": "no such file",
    "DY2003": "the file is not UTF-8",
    "DY2004": "too large to read",
    "DY2005": "a file that this one names has errors",
    "DY2010": "no model of this name",
    # 21xx schema
    # 22xx language and compiler
    "DY2290": "not an OptiModel file, or a damaged one",
    "DY2201": "text that is no expression",
    "DY2202": "a construct that the model language refuses",
    "DY2203": "a name that nothing declares",
    "DY2204": "dimensions do not fit",
    "DY2205": "units do not fit",
    "DY2206": "a product of variables is not linear",
    "DY2207": "division by a variable is not linear",
    "DY2208": "no such objective term, limit or setting",
    "DY2209": "a limit's setting is missing or wrong",
    "DY2210": "a rule compares nothing or holds no variable",
    "DY2211": "an exact chance constraint needs bounded variables",
    "DY2212": "a parameter has no value where one is needed",
    "DY2213": "rows of a table give one parameter two values",
    "DY2214": "a parameter's source is not there",
    "DY2215": "a scenario reduction where there is nothing to reduce",
    "DY2216": "an offset of shift that is no integer parameter",
    "DY2217": "a piecewise cost that is not well formed",
    "DY2218": "named expressions refer to each other in a circle",
    "DY2219": "a compiled model that does not hold together",
    # 23xx context tables
    "DY2300": "more rows with the same fault",
    "DY2301": "a column is missing",
    "DY2302": "a table cannot be read",
    "DY2303": "a row has too few or too many cells",
    "DY2304": "a value has the wrong type",
    "DY2305": "a table query is wrong",
    "DY2306": "a table query is refused",
    "DY2307": "a value is missing",
    "DY2308": "a value is out of range",
    "DY2309": "two rows have the same key",
    "DY2310": "a label that no other table has",
    "DY2311": "a date is not valid",
    "DY2312": "probabilities do not fit",
    # 24xx solving and planning
    "DY2401": "the model holds a number that is not finite",
    "DY2402": "an expression uses a name that the model does not have",
    "DY2403": "a rule compares nothing",
    "DY2404": "a solution does not fit its model",
    "DY2405": "a file is no OptiModel",
    "DY2406": "a front is asked for an aim that is no term of the objective",
    # 25xx forecast and scenarios
    "DY2501": "a quantity of the history is infinite",
    "DY2502": "a date of the history cannot be read",
    "DY2503": "the history does not say at which location",
    "DY2504": "a regressor is no column of the history",
    "DY2505": "a period length that is not known",
    "DY2506": "a forecast model that is not known",
    "DY2507": "the history is too short for a backtest",
    "DY2508": "nothing is forecast where scenarios are stated",
    "DY2510": "stated scenarios do not fit together",
    "DY2512": "a scenario file that is not one",
    "DY2511": "a scenario reduction that is not known",
    # 26xx golden tests
    "DY2601": "not a golden file",
    "DY2602": "not a metric",
    "DY2603": "no golden file",
    # 30xx policy
    "DY3001": "policy data has an unknown key or a value of another type",
    "DY3002": "a policy file names no package",
    "DY3003": "a rule of a policy file is not documented",
    "DY3004": "a policy redefines a shipped package",
    "DY3005": "no such rule",
    "DY3006": "OPA refuses the policies",
    "DY3007": "the tests of policies fail",
    "DY3010": "policy denies what was asked",
    # 31xx accounts, quotas, budgets
    "DY3101": "the token is missing or not valid",
    "DY3102": "the token does not allow this",
    "DY3103": "no such tier, or not a limit of one",
    "DY3104": "too many requests",
    "DY3105": "more asked than the tier allows",
    "DY3106": "the budget of the month is spent",
    "DY3107": "the request names another tenant",
    "DY3108": "an idempotency key is needed",
    "DY3109": "the first request with this idempotency key is still running",
    "DY3110": "this idempotency key was used for another request",
    "DY3111": "no such run",
    "DY3112": "no such artifact of a run",
    "DY3113": "no such webhook",
    "DY3114": "the address of a webhook is not one that may be called",
    # 40xx adapters
    "DY4001": "an optional library is not installed",
    "DY4002": "no such adapter",
    # 41xx solvers
    "DY4101": "a solver does not take this kind of model",
    "DY4102": "a solver refuses the arrays of a model",
    "DY4103": "a solver's process failed",
    # 42xx policy engines
    "DY4201": "the policy engine cannot be run or reached",
    "DY4202": "the policy engine gave no answer in time",
    "DY4203": "the policy engine reported an error",
    "DY4204": "own policies need OPA once",
    "DY4205": "the answer of the policy engine does not hold together",
    "DY4206": "the shipped policies were altered",
    # 43xx stores
    "DY4301": "the object store cannot be reached",
    "DY4302": "the object store does not let us in, or has no such bucket",
    "DY4305": "not a key of the forecast cache",
    "DY4306": "a cache query failed",
    "DY4303": "not the URL of a store",
    # 44xx graphs and vectors
    "DY4401": "the graph store cannot be reached",
    "DY4402": "the statement is refused: it does not only read one tenant's graph",
    "DY4403": "another process holds the embedded graph",
    "DY4404": "the tenant id has characters that a key cannot have",
    "DY4405": "the graph store refuses the statement",
    "DY4411": "the vector index cannot be reached",
    # 45xx queue and database
    "DY4501": "the database cannot be reached",
    "DY4502": "the database is not migrated",
    "DY4503": "the queue refused the run",
    # 46xx forecasters
    "DY4601": "a forecaster does not offer what was asked",
    # 47xx sandbox
    "DY4701": "no sandbox of this strength is available",
    "DY4702": "the job was stopped by its sandbox",
    # 50xx stores and replay
    "DY5001": "a stored artifact has a newer schema than this version reads",
    "DY5002": "stored bytes do not match their fingerprint",
    "DY5003": "nothing is stored under this name",
    "DY5004": "a run of this id is stored already",
    "DY5012": "the signature of a manifest does not hold",
    "DY5013": "the bundle cannot be read",
    "DY5014": "the run has no such order line",
    "DY5015": "a draft is not an approved plan",
    # 90xx bugs
    "DY9001": "a bug of this program",
    "DY9002": "a solver's answer does not hold under the check",
}
