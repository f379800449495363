# A static program and nothing else: no shell, no user but one without a name.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /tenantpool ./cmd/tenantpool

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /tenantpool /tenantpool
USER 65532:65532
EXPOSE 6432 9127
# TERM drains for drain_timeout; let the runtime wait longer than that.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/tenantpool"]
CMD ["run", "-c", "/etc/tenantpool/tenantpool.toml"]
