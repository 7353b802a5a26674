# The static program and nothing else. `just musl` first, then
#
#     docker build --tag plimsoll .
#     docker run --rm --volume "$PWD:/work" plimsoll run quickstart
#
# There are no certificates in it: for an https target mount them and name them by `--ca`, or by `ca` of
# `[target.tls]`.
FROM scratch
COPY target/x86_64-unknown-linux-musl/release/plimsoll /bin/plimsoll
ENV PATH=/bin
WORKDIR /work
ENTRYPOINT ["/bin/plimsoll"]
