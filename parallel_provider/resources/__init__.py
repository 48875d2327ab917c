"""The resources and functions that programs use, with Pulumi's inputs and outputs.

Runs in the program's process, so it imports neither httpx nor pydantic. The functions import them
when they are called. The resources' files have no `from __future__ import annotations`: Pulumi
reads the annotations for each resource, and would compile their texts each time.
"""

from parallel_provider.resources.api_key import ApiKey as ApiKey
from parallel_provider.resources.app import App as App
from parallel_provider.resources.balance_top_up import BalanceTopUp as BalanceTopUp
from parallel_provider.resources.functions import GetAppResult as GetAppResult
from parallel_provider.resources.functions import GetAppsResult as GetAppsResult
from parallel_provider.resources.functions import GetBalanceResult as GetBalanceResult
from parallel_provider.resources.functions import get_app as get_app
from parallel_provider.resources.functions import get_app_output as get_app_output
from parallel_provider.resources.functions import get_apps as get_apps
from parallel_provider.resources.functions import get_apps_output as get_apps_output
from parallel_provider.resources.functions import get_balance as get_balance
from parallel_provider.resources.functions import get_balance_output as get_balance_output
from parallel_provider.resources.rotating_api_key import RotatingApiKey as RotatingApiKey
