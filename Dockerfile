# The daemon, its simulator and its commands in one image:
#
#   docker build -t voicebridge .
#   docker run --read-only -p 8080:8080 -v voicebridge:/data --env-file .env voicebridge
#   docker run --rm voicebridge simulator --host 0.0.0.0
#   docker run --rm --network host voicebridge call
#
# Debian with glibc, since the WebRTC binaries are not built for musl. To pin the base exactly, append its digest here, once for all stages.
FROM node:24-bookworm-slim AS base
ENV NODE_ENV=production
WORKDIR /app

# What is needed to build is left behind in this stage.
FROM base AS dependencies
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3=3.11.* make=4.3-* g++=4:12.2.* \
 && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
# The Opus add-on is compiled from its package against the headers of the image's own Node, rather than fetched as somebody's binary. Both
# native parts are optional to npm, so that an install without them succeeds: here it must not, hence the last line.
RUN npm_config_nodedir=/usr/local npm_config_build_from_source=true npm ci --omit=dev --no-audit --no-fund \
 && node -e "for (const name of ['@discordjs/opus', '@roamhq/wrtc']) require(name)"

# The program in its built form: what builds it is for development, and stays behind.
FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY . .
RUN node deploy/bundle.ts

# All of it together, with what V8 compiles of it: nothing can be kept where the image runs. Node names what it keeps by the user that it is for, and lets nobody else read it.
FROM base AS program
COPY --from=dependencies /app/node_modules ./node_modules
COPY . .
COPY --from=build /app/dist ./dist
RUN install -d -o node -g node -m 0755 node_modules/.cache/node-compile
USER 1000:1000
RUN node deploy/warm.ts && chmod -R a+rX node_modules/.cache/node-compile

FROM base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="voicebridge" \
      org.opencontainers.image.description="The bridge that phone calls take to speech models" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/node:24-bookworm-slim"
# tini is process 1: it hands signals on and reaps what tool servers leave behind. Node as process 1 would do neither for the commands that
# set no handler of their own.
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini=0.19.* \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o node -g node -m 0750 /data
COPY --from=program /app ./
ENV DATA_DIR=/data
# The user "node" of the base image, by number, so that an orchestrator can see that it is not root. Nothing but /data belongs to it.
USER 1000:1000
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
# That the process answers, not that it takes calls: one that drains must not be killed for it. Readiness is /health/ready.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["node", "/app/deploy/health.ts"]
ENTRYPOINT ["/usr/bin/tini", "--", "/bin/sh", "/app/deploy/entrypoint.sh"]
CMD ["start"]
