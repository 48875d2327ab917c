module parallel-provider-providertest

go 1.25.8

require github.com/pulumi/providertest v0.7.0
