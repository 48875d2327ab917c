module parallel-provider-providertest

go 1.26.6

require github.com/pulumi/providertest v0.7.0
