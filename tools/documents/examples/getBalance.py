import pulumi

import parallel_provider as parallel

balance = parallel.get_balance_output()

pulumi.export("balance_cents", balance.credit_balance_cents)
