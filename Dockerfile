# docker build --tag ganexp . && docker run --rm --volume "$PWD/outputs:/runs/outputs" ganexp model=dcgan_small
# With a GPU: docker run --gpus all …; without one: docker build --build-arg BACKEND=cpu …
FROM python:3.12-slim
ARG BACKEND=auto
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt uv \
    && uv pip install --system --no-cache --torch-backend "$BACKEND" --constraint constraints.txt .
WORKDIR /runs
ENTRYPOINT ["python", "-m", "ganexp"]
